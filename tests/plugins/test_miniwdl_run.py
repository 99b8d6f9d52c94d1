"""What miniwdl says of a run. Each event is one that the tracker takes."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingest.native import Sender, read
from miniwdl_runtracker.delivery import Event
from miniwdl_runtracker.run import Start, WdlRun

START = Start(
    "20261127_w",
    "w",
    "/lab/w.wdl",
    "/lab/out",
    "/lab/out/20261127_w",
    "ada",
    "1.16.0",
    "miniwdl run w.wdl",
    {"n": 1},
)
KEY = ("w", "call-sub", "call-greet-0-a")
FAILED = "task command failed with exit status 3"


class Told:
    """A run, and what it told so far; an act a second."""

    def __init__(self) -> None:
        self.run, self.now = WdlRun(), 1_000_000
        self.events: list[Event] = self.run.begin(START, self.now)

    def act(self, name: str, *arguments: Any) -> None:
        self.now += 1000
        self.events += getattr(self.run, name)(*arguments, self.now)

    def close(
        self, state: str = "succeeded", code: int = 0, message: str = "", report: Sequence[str] = ()
    ) -> dict[str, Any]:
        self.act("end", state, code, message, list(report))
        read(json.dumps(self.events).encode(), Sender("ingest-0", 0))
        data: dict[str, Any] = self.events[-1]["data"]
        return data

    @property
    def tasks(self) -> dict[int, dict[str, Any]]:
        """The newest snapshot of each."""
        return {
            t["task_id"]: t for e in self.events if e["type"] == "tasks.changed" for t in e["data"]["tasks"]
        }


def test_a_task_from_its_start_to_its_end() -> None:
    told = Told()
    told.act("set_up", KEY, "greet", "/lab/out/1")
    told.act(
        "started",
        KEY,
        "echo hello",
        {"cpu": 2, "memory_reservation": 50_000_000, "docker": ["ubuntu:22.04", "other"]},
    )
    told.act("ended", KEY, "succeeded", 0)
    assert told.tasks == {
        1: {
            "task_id": 1, "attempt": 1, "process": "greet", "name": "greet (sub/greet-0-a)", "tag": "sub/greet-0-a",
            "status": "succeeded", "exit": 0, "workdir": "/lab/out/1", "executor": "miniwdl", "script": "echo hello", "cpus": 2,
            "memory_bytes": 50_000_000, "container": "ubuntu:22.04", "submitted_at": 1_001_000, "started_at": 1_002_000,
            "completed_at": 1_003_000, "duration_ms": 2000, "realtime_ms": 1000,
        }
    }  # fmt: skip
    assert told.close()["processes"] == [{"process": "greet", "succeeded": 1}]


def test_attempts_are_counted() -> None:
    told = Told()
    told.act("set_up", KEY, "greet", "/lab/out/1")
    told.act("started", KEY, "exit 3", {"cpu": 1})
    told.act("retried", KEY, FAILED)
    told.act("retried", KEY, "the machine went away")
    told.act("ended", KEY, "failed", 3)
    attempts = [
        (t["attempt"], t["status"], t["exit"], t.get("error_action"), t["script"], t["cpus"])
        for t in told.tasks.values()
    ]
    assert attempts == [
        (1, "failed", 3, "RETRY", "exit 3", 1),
        (2, "failed", None, "RETRY", "exit 3", 1),
        (3, "failed", 3, None, "exit 3", 1),
    ]
    end = told.close("failed", 3, FAILED, ["w: it failed", "The end of stderr.txt:\nno such sample"])
    assert end["processes"] == [{"process": "greet", "failed": 3, "retries": 2}]
    assert (end["state"], end["exit_status"], end["error_message"]) == (
        "failed",
        3,
        FAILED,
    ) and "no such" in end["error_report"]


def test_the_same_work_again_is_the_same_session() -> None:
    first, again = Told().events[0], WdlRun().begin(START, 5)[0]
    assert first["session_id"] == again["session_id"] and first["start"] != again["start"]


_KEYS = st.sampled_from([KEY, ("w", "call-b"), ("t",)])
_ACTS = st.one_of(
    st.tuples(st.just("set_up"), _KEYS, st.text(max_size=5), st.text(max_size=5)),
    st.tuples(
        st.just("started"),
        _KEYS,
        st.text(max_size=5),
        st.just({"cpu": "many", "docker": 7, "memory_reservation": -1}),
    ),
    st.tuples(st.just("retried"), _KEYS, st.sampled_from(["", FAILED])),
    st.tuples(
        st.just("ended"),
        _KEYS,
        st.sampled_from(["succeeded", "failed", "aborted", "cached"]),
        st.none() | st.integers(0, 255),
    ),
)


@given(st.lists(_ACTS, max_size=30))
def test_whatever_happens_the_tracker_takes_it(acts: list[tuple[Any, ...]]) -> None:
    told = Told()
    for name, *arguments in acts:
        told.act(name, *arguments)
    told.events.append(told.run.heartbeat(told.now))
    told.close()
    assert list(told.tasks) == list(range(1, len(told.tasks) + 1))
