"""The list of runs is what a plain model of them says, page by page, whatever was written of them and in which order of ids."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.core.db import Reader
from api.core.params import RunFilter
from api.runs.queries import page_of_ids
from schemas.settings import Settings
from schemas.sql import sql
from stores.tables.client import Tables
from tests.support.api.stage import T0, Stage
from tests.support.examples import examples

NAMES = ("Alpha", "beta", "alphabet")
OWNERS = ("", "ann", "bob")
#: Runs share instants of their first append, so that ids decide.
INSTANTS = (T0 + 1, T0 + 2)


@dataclass
class Model:
    """What is known of a run."""

    first_ms: int = 0
    name: str = ""
    owner: str = ""
    hidden: bool = False
    state: str = ""


@dataclass
class Act:
    """Something is written of a run."""

    run: int
    what: str
    value: Any = field(default=None)


ACTS = st.one_of(
    st.builds(Act, st.integers(0, 7), st.just("heard"), st.sampled_from(NAMES)),
    st.builds(Act, st.integers(0, 7), st.just("hidden"), st.booleans()),
    st.builds(Act, st.integers(0, 7), st.just("over"), st.sampled_from(("succeeded", "failed"))),
)
FILTERS = st.builds(
    RunFilter,
    statuses=st.sampled_from(([], ["succeeded"], ["failed", "running"], ["running"])),
    search=st.sampled_from(("", "alpha", "BETA", "none")),
    user=st.sampled_from(OWNERS),
    hidden=st.booleans(),
)


def write(stage: Stage, runs: dict[int, Model], act: Act, offset: int) -> None:
    """Write it into the tables and the model, and list the run, as the projector would."""
    run = runs.setdefault(act.run, Model())
    known: dict[str, Any] = {"offset": offset}
    match act.what:
        case "heard" | "over":
            if not run.first_ms:
                run.first_ms, run.owner = INSTANTS[act.run % 2], OWNERS[act.run % 3]
                run.name = act.value if act.what == "heard" else ""
                name = {"facts": {"name": run.name}} if run.name else {}
                known |= name | {"begun": 1, "owner": {"earliness": 1, "name": run.owner}}
            if act.what == "over" and not run.state:
                run.state = act.value
                known |= {"completed": {"state": act.value}, "over": 1}
            stage.run(f"r{act.run}", at=run.first_ms, **known)
        case "hidden":
            run.hidden = act.value
            hiding = {"offset": offset, "hidden": int(act.value), "by": "eve"}
            row = {"run_id": f"r{act.run}", "partition": 0, "offset": offset, "over": 0, "hiding": hiding}
            stage.insert("runs", row)
    stage.tables.command(sql("projections/project/list_runs"), run_ids=[f"r{act.run}"])


def expected(runs: dict[int, Model], asked: RunFilter) -> list[str]:
    """The ids that a list gives, latest first."""

    def status(run: Model) -> str:
        return run.state or ("running" if run.first_ms else "unknown")

    found = [
        (run.first_ms, f"r{n}")
        for n, run in runs.items()
        if (not asked.statuses or status(run) in asked.statuses)
        and asked.search.lower() in (run.name or f"r{n}").lower()
        and (not asked.user or run.owner == asked.user)
        and (asked.hidden or not run.hidden)
    ]
    return [run_id for _, run_id in sorted(found, reverse=True)]


def listed(reader: Reader, asked: RunFilter, page_size: int) -> list[str]:
    """All pages of the list; none is longer than asked, and none but the last is shorter."""
    found: list[str] = []
    token: str | None = ""
    while token is not None:
        page, token = page_of_ids(reader, reader.judgement(), asked, "", token, page_size)
        assert len(page) == page_size or (token is None and len(page) < page_size)
        found += page
    return found


def test_the_pages_of_the_list_are_those_of_the_model(tables: Tables) -> None:
    stage = Stage(tables)
    stage.tick(T0 + 500)
    reader = Reader(tables, Settings(), lambda: T0 + 1000)
    tables.command(f"SYSTEM STOP MERGES {tables.database}.run_list")  # outdated rows stay

    @settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(ACTS, max_size=12), st.lists(FILTERS, min_size=1, max_size=3), st.integers(1, 4))
    def holds(acts: list[Act], filters: list[RunFilter], page_size: int) -> None:
        for table in ("runs", "run_list"):
            tables.command(f"TRUNCATE TABLE {table}")
        runs: dict[int, Model] = {}
        for offset, act in enumerate(acts, 1):
            write(stage, runs, act, offset)
        for asked in filters:
            assert listed(reader, asked, page_size) == expected(runs, asked), asked

    try:
        holds()
    finally:
        tables.command(f"SYSTEM START MERGES {tables.database}.run_list")
