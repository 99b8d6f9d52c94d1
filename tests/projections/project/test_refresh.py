"""Very many small runs cost few statements, on each store: the ids of a refresh are its parameters."""

from typing import Any

import pytest

from projections.project.refresh import SMALL_RUNS_AT_ONCE
from schemas.events import Begun
from stores.tables.client import Tables
from tests.support.projection import T0, Faulty, Stage, projector
from tests.support.reference.reducer import Limits

pytestmark = pytest.mark.each_store
LIMITS = Limits(180_000, 900_000, 300_000)
#: The longest that is taken.
IDS = [f"r{n:063}" for n in range(SMALL_RUNS_AT_ONCE)]


class Counted(Faulty):
    """Tables that count the runs of each refresh and of each writing of the list."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.runs: dict[str, list[int]] = {"run_processes": [], "run_figures": [], "run_list": []}

    def command(self, sql: str, /, **parameters: Any) -> None:
        for table, runs in self.runs.items():
            if f"INSERT INTO {table}" in sql:
                runs.append(len(parameters["run_ids"]))
        super().command(sql, **parameters)


def test_a_thousand_runs_without_tasks_are_one_refresh(tables: Tables) -> None:
    stage = Stage(tables, LIMITS)
    counted = Counted(tables)
    stage.projector = projector(counted, LIMITS)
    stage.projector.assign([0])
    for run_id in IDS:
        stage.history.say(run_id, Begun(instant=T0))
    stage.project()
    assert counted.runs["run_processes"] == counted.runs["run_figures"] == [len(IDS)]
    assert counted.runs["run_list"] == [len(IDS)] * 2, "when they are told of, and with their figures"
    assert tables.value("SELECT uniqExact(run_id) FROM run_figures") == len(IDS)
    assert tables.value("SELECT uniqExact(run_id) FROM run_list") == len(IDS)
