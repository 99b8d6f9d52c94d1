"""The collector: what a run left behind is said on the log, goes on after a crash, and a replay shows the same."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import DefaultPartitioner

from projections.outputs import listing, loop
from projections.outputs.collector import Share, ends_a_run
from projections.outputs.listing import run_folder
from projections.outputs.messages import added, found_file
from projections.replay import compare, replay
from schemas.files.events import ClassTotal, Totals
from schemas.topics import TRANSITIONS
from stores.log.port import LogUnavailable
from stores.objects.port import PAGE, Entry, Failure, StoreFailure
from stores.tables.client import Tables
from tests.support.files.outputs import Outputs, outputs_on_disk
from tests.support.files.shelves import local_shelf
from tests.support.sql import expand

KEYS = [f"{n:05d}.txt" for n in range(2 * PAGE + 7)]


@pytest.fixture
def stage(tables: Tables, tmp_path: Path) -> Iterator[Outputs]:
    with outputs_on_disk(tables, tmp_path) as beside:
        yield beside


def fill(stage: Outputs, name: str, *keys: str) -> str:
    """A folder with these files, each as large as its key is long."""
    root = Path(stage.tracker.settings.local_roots)
    local_shelf(root).put({f"{name}/{key}": b"x" * len(key) for key in keys})
    return f"{root}/{name}"


def test_what_a_run_left_is_listed_when_it_ends(stage: Outputs) -> None:
    folder = fill(stage, "run", *KEYS, "a/b c.csv")
    fill(stage, "run-2", "neighbour")
    stage.begin("r1", folder)
    stage.collect()
    assert stage.keys("r1") == [], "a run that is not over may still write"
    stage.end("r1", "failed")
    stage.collect()
    assert stage.keys("r1") == sorted([*KEYS, "a/b c.csv"])
    found = stage.folder("r1")
    assert (found["state"], found["files"], found["bytes"]) == ("complete", len(KEYS) + 1, 9 * len(KEYS) + 9)
    said = stage.tracker.log
    before = stage.tracker.do(said.bounds("tracker.events"))[0].end
    stage.collect()
    assert stage.tracker.do(said.bounds("tracker.events"))[0].end == before, "nothing is said twice"


def test_states_that_the_page_explains(stage: Outputs) -> None:
    cases = (
        ("none", "", "no_directory"),
        ("relative", "results", "not_s3"),
        ("google", "gs://bucket/x", "not_s3"),
        ("outside", "/etc", "not_allowed"),
        ("up", f"{stage.tracker.settings.local_roots}/../x", "not_allowed"),
        ("bucket", "s3://bucket/x", "not_allowed"),
        ("empty", f"{stage.tracker.settings.local_roots}/not-there", "complete"),
    )
    for run_id, output_dir, _ in cases:
        stage.over(run_id, output_dir)
    stage.collect()
    for run_id, _, state in cases:
        assert stage.folder(run_id)["state"] == state, run_id


def test_parameters_tell_where_the_results_go(stage: Outputs) -> None:
    folder = fill(stage, "launch/results", "a")
    stage.ran("r1", launch_dir=str(Path(folder).parent), params={"outdir": "./results"})
    assert stage.keys("r1") == ["a"]


def test_more_than_may_be_listed(stage: Outputs) -> None:
    folder = fill(stage, "run", *KEYS)
    stage.collector.settings = stage.tracker.settings.model_copy(update={"outputs_most": PAGE + 5})
    stage.ran("r1", folder)
    found = stage.folder("r1")
    assert (found["state"], found["files"], len(stage.keys("r1"))) == ("too_many", PAGE + 5, PAGE + 5)


def test_a_listing_that_was_cut_off_goes_on_where_it_was(
    stage: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log refuses after the first page, and then the process dies; then the store is away after the second."""
    folder = fill(stage, "run", *KEYS)
    append, left = stage.tracker.log.append, [1]

    async def refuses(*message: Any, **more: Any) -> Any:
        if message[2].startswith("outputs."):
            left[0] -= 1
            if left[0] < 0:
                raise LogUnavailable("away")
        return await append(*message, **more)

    monkeypatch.setattr(stage.tracker.log, "append", refuses)
    stage.ran("r1", folder)
    monkeypatch.undo()
    assert len(stage.keys("r1")) == PAGE and stage.folder("r1")["listing"] == 0

    afters: list[str] = []
    read_page = listing._next

    def fails_once(pages: Any) -> Any:
        if len(afters) < 2:
            afters.append("page")
            if len(afters) == 2:
                raise StoreFailure(Failure.AWAY, "no answer")
        return read_page(pages)

    monkeypatch.setattr(listing, "_next", fails_once)
    stage.collector = stage.another()
    stage.collect()
    assert (stage.folder("r1")["state"], len(stage.keys("r1"))) == ("away", 2 * PAGE)
    stage.collect()
    assert stage.folder("r1")["state"] == "away", "not at once again"
    stage.tracker.now += 31_000
    stage.collect()
    found = stage.folder("r1")
    assert (found["state"], found["files"], found["bytes"]) == ("complete", len(KEYS), 9 * len(KEYS))
    assert found["part"] == 2 and stage.keys("r1") == KEYS, "each page was said once"


def test_a_replay_shows_the_same_without_asking_the_store(
    stage: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.ran("r1", fill(stage, "run", *KEYS[:50]))
    tracker = stage.tracker
    monkeypatch.setattr(
        "stores.objects.open.ObjectStores.open", lambda *_: pytest.fail("the store was asked")
    )

    async def again() -> Tables:
        return await replay.into_shadow(tracker.log, tracker.tables, tracker.settings, lambda _: None)

    shadow = tracker.do(again())
    try:
        assert compare.databases(tracker.tables, tracker.tables.database, shadow.database) == []
        assert len(shadow.rows("SELECT key FROM outputs FINAL")) == 50
    finally:
        shadow.drop_database()
        shadow.close()


def test_it_looks_when_a_run_ends_and_stops_when_told(
    stage: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.begin("r1", fill(stage, "run", "a"))
    stage.tracker.project()
    tracker, waits = stage.tracker, asyncio.Event()
    take, append = tracker.log.take, tracker.log.append
    listed = asyncio.Event()

    async def taken(*asked: Any) -> Any:
        waits.set()
        return await take(*asked)

    async def appended(*message: Any) -> Any:
        if message[2] == "outputs.listed":
            listed.set()
        return await append(*message)

    # The clock stands, so that a look at all runs, which is made once a minute, is made for a transition alone.
    monkeypatch.setattr(loop, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(tracker.log, "take", taken)
    monkeypatch.setattr(tracker.log, "append", appended)

    async def look() -> asyncio.Task[None]:
        collecting = asyncio.create_task(loop.run(stage.collector, tracker.log))
        await waits.wait()
        return collecting

    collecting = tracker.do(look())
    stage.end("r1")
    tracker.project()
    assert stage.keys("r1") == []

    async def transition() -> None:
        await append(TRANSITIONS, "r1", TRANSITIONS, b'{"run_id":"r1","to_status":"succeeded"}')
        await listed.wait()
        collecting.cancel()
        await asyncio.gather(collecting, return_exceptions=True)

    tracker.do(transition())
    tracker.project()
    assert stage.keys("r1") == ["a"]


IDS = [
    "r1",
    "r2",
    "01kx6f3q2vabcdef",
    "~0123456789abcde",
    "läuft",
    "名前",
    "x" * 200,
    "a b",
    *map(str, range(60)),
]


def test_a_run_is_of_the_partition_that_its_transitions_are_on(tables: Tables) -> None:
    """Else a collector would be woken for runs that are another one's."""
    statement = expand(
        '{% from "schemas/macros/outputs.sql" import run_partition %}'
        'SELECT arrayJoin({ids:Array(String)}) AS id, {{ run_partition("id") }} AS partition'
    )
    for partitions in (1, 4, 12):
        rows = tables.rows(statement, ids=IDS, partitions=partitions)
        every = list(range(partitions))
        wanted = {run_id: DefaultPartitioner()(run_id.encode(), every, every) for run_id in IDS}
        assert {r["id"]: r["partition"] for r in rows} == wanted


def test_collectors_share_the_runs_and_go_on_with_each_others(
    stage: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has no partition, then the wrong one; the one whose run it is loses it in the middle, and the next goes on."""
    stage.over("r1", fill(stage, "run", *KEYS))
    own = DefaultPartitioner()(b"r1", [0, 1], [0, 1])
    for nothing in (frozenset[int](), frozenset({1 - own})):
        stage.collector.assign(Share(2, nothing))
        stage.collect()
        assert stage.keys("r1") == []

    losing, read_page, loses = stage.collector, listing._next, threading.Event()
    pages: list[int] = []

    loops: list[asyncio.AbstractEventLoop] = []

    def lose() -> None:
        losing.assign(Share(2, frozenset()))
        loses.set()

    def lost_in_the_middle(found: Any) -> Any:
        page = read_page(found)
        pages.append(len(page))
        if len(pages) == 2:
            loops[0].call_soon_threadsafe(lose)
            loses.wait()
        return page

    monkeypatch.setattr(listing, "_next", lost_in_the_middle)

    async def work() -> None:
        loops.append(asyncio.get_running_loop())
        await losing.step()
        await losing.drain()

    losing.assign(Share(2, frozenset({own})))
    stage.tracker.do(work())
    stage.tracker.project()
    assert pages == [PAGE, PAGE] and len(stage.keys("r1")) == PAGE, "what it had read was not said any more"
    losing.assign(Share(2, frozenset({1 - own})))
    stage.collect()
    assert stage.folder("r1")["listing"] == 0
    stage.collector = stage.another()
    stage.collector.assign(Share(2, frozenset({own})))
    stage.collect()
    found = stage.folder("r1")
    assert (found["state"], found["files"], found["part"]) == ("complete", len(KEYS), 2)
    assert stage.keys("r1") == KEYS


def test_a_job_that_is_cancelled_before_it_began_is_over(stage: Outputs) -> None:
    stage.over("r1", fill(stage, "run", "a"))
    stage.tracker.project(refresh=False)

    async def work() -> None:
        await stage.collector.step()
        await asyncio.wait_for(stage.collector.stop(), 60)

    stage.tracker.do(work())
    stage.collect()
    assert stage.keys("r1") == ["a"]


def test_which_transitions_end_a_run() -> None:
    for status in ("succeeded", "failed", "cancelled"):
        assert ends_a_run(json.dumps({"to_status": status}).encode())
    others = (b'{"to_status":"disconnected"}', b"{}", b"[1]", b'"failed"', b"\xff", b"", b'{"to_status":[7]}')
    for other in (*others, b"[" * 100_000):
        assert not ends_a_run(other)


def entry(key: str, size: int, storage_class: str) -> Entry:
    return Entry(key, size, 1, "e", storage_class)


def test_totals_by_storage_class() -> None:
    files = [
        found_file(e)
        for e in (entry("a", 1, "STANDARD"), entry("b", 2, "GLACIER"), entry("c", 4, "STANDARD"))
    ]
    totals = added(added(Totals(), files), files[:1])
    assert (totals.files, totals.bytes) == (4, 8)
    assert totals.classes == [
        ClassTotal(storage_class="GLACIER", files=1, bytes=2),
        ClassTotal(storage_class="STANDARD", files=3, bytes=6),
    ]
    many = added(Totals(), [found_file(entry(str(n), 1, f"class {n}")) for n in range(200)])
    assert len(many.classes) == 51 and sum(c.files for c in many.classes) == 200
    assert found_file(entry("\udcff", 1, "")).key == "\ufffd"


def test_where_a_listing_goes_on() -> None:
    row = {
        "output_dir": "s3://bucket/x", "launch_dir": "", "params": "not json", "requested": 7, "attempted": 0, "state": "",
        "listing": 0, "part": 0, "last_key": "", "files": 0, "bytes": 0, "classes": [],
    }  # fmt: skip
    assert (run_folder("r", row, 100).listing, run_folder("r", row, 100).after) == (100, "")
    cut = row | {
        "listing": 90,
        "part": 3,
        "last_key": "k",
        "files": 5,
        "bytes": 6,
        "classes": [("STANDARD", 5, 6)],
    }
    folder = run_folder("r", cut, 100)
    assert (folder.listing, folder.part, folder.after, folder.totals.bytes, folder.requested) == (
        90,
        4,
        "k",
        6,
        7,
    )
    assert run_folder("r", cut | {"attempted": 90, "state": "away"}, 100).after == "k"
    done = run_folder("r", cut | {"attempted": 90, "state": "complete"}, 80)
    assert (done.listing, done.after, done.totals) == (91, "", Totals()), (
        "a clock that stepped back goes on rising"
    )
