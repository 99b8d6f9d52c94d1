"""Runs with output folders, in the whole tracker, and a collector beside it. No test stands here."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from projections.outputs.collector import Collector
from stores.objects.open import ObjectStores
from stores.tables.client import Tables
from tests.support.whole import Whole, whole


class Outputs:
    """`tracker` with its collector, which works when it is asked to."""

    def __init__(self, tracker: Whole) -> None:
        self.tracker = tracker
        self.stores = ObjectStores(tracker.settings)
        self.collector = self.another()

    def another(self) -> Collector:
        """A collector that knows nothing of the one before, as after a crash."""
        return Collector(
            self.tracker.log,
            self.tracker.tables,
            self.stores,
            self.tracker.settings,
            lambda: self.tracker.now,
        )

    def begin(self, run_id: str, output_dir: str = "", **workflow: Any) -> None:
        """A run that writes to this folder, and is not over."""
        said = {"name": run_id, "output_dir": output_dir, "session_id": run_id, **workflow}
        self._say("run.begun", run_id, {"workflow": said})

    def end(self, run_id: str, state: str = "succeeded") -> None:
        self._say("run.completed", run_id, {"state": state})

    def ran(self, run_id: str, output_dir: str = "", **workflow: Any) -> None:
        """A run that is over, and whose outputs are collected."""
        self.over(run_id, output_dir, **workflow)
        self.collect()

    def over(self, run_id: str, output_dir: str = "", **workflow: Any) -> None:
        """A run that is over."""
        self.begin(run_id, output_dir, **workflow)
        self.end(run_id)

    def collect(self) -> None:
        """The collector looks, and what it says is projected."""

        async def work() -> None:
            await self.collector.step()
            await self.collector.drain()

        self.tracker.project(refresh=False)
        self.tracker.do(work())
        self.tracker.project()

    def row(self, query: str, **parameters: Any) -> Mapping[str, Any]:
        [row] = self.tracker.tables.rows(query, **parameters)
        return row

    def folder(self, run_id: str) -> Mapping[str, Any]:
        """The run's row of `output_folders`, flat: attempt_state, complete_files and so on."""
        return self.row(
            "SELECT attempt.state AS state, attempt.message AS message, complete.listing AS listing, "
            "complete.files AS files, complete.bytes AS bytes, complete.classes AS classes, progress.part AS part, "
            "complete.noncurrent_files AS noncurrent "
            "FROM (SELECT * FROM output_folders FINAL) WHERE run_id = {run_id:String}",
            run_id=run_id,
        )

    def keys(self, run_id: str) -> list[str]:
        rows = self.tracker.tables.rows(
            "SELECT key FROM outputs FINAL WHERE run_id = {run_id:String} ORDER BY key", run_id=run_id
        )
        return [r["key"] for r in rows]

    def _say(self, type: str, run_id: str, data: Mapping[str, Any]) -> None:
        event = {"type": type, "run_id": run_id, "data": {"instant": self.tracker.now, **data}}
        answer = self.tracker.request("POST", "/v1/events", json=event)
        assert answer.status_code == 200, answer.text
        self.tracker.now += 1000


@contextmanager
def outputs(tracker: Whole) -> Iterator[Outputs]:
    beside = Outputs(tracker)
    try:
        yield beside
    finally:
        beside.stores.close()


@contextmanager
def outputs_on_disk(tables: Tables, folder: Path) -> Iterator[Outputs]:
    """A tracker with its collector, which may read `folder`/files."""
    (folder / "files").mkdir()
    with (
        whole(tables, folder / "data", local_roots=str(folder / "files")) as tracker,
        outputs(tracker) as beside,
    ):
        yield beside
