"""A history for a projector whose tables fail, and that projector. No test stands here."""

import threading
from typing import Any

from projections.project.projector import Projector
from projections.project.sweep import Thresholds
from projections.project.writer import Writer
from schemas import events as e
from stores.tables.client import Tables
from tests.support.projection import T0, History, task
from tests.support.reference.reducer import Limits

LIMITS = Limits(180_000, 360_000, 300_000)


def history() -> History:
    """Some runs with tasks, a dead letter, a note, a label and rounds."""
    h = History()
    h.tick()
    for n in range(4):
        run = f"run{n}"
        h.say(run, e.Created(name=run, instant=T0))
        h.say(run, e.TasksChanged(instant=T0 + 1), *(task(run, i, "succeeded") for i in range(3)))
        h.say(run, e.Unreadable(reason="?", request="PUT", raw=""))
        h.say(run, e.Note(note_id="1", text="why"))
        h.say(run, e.Hiding(by="ada"))
    h.wait(15_000)
    return h


def projector(tables: Tables, stop: threading.Event | None = None, **more: Any) -> Projector:
    made = Projector(
        Writer(tables, stop or threading.Event()), Thresholds(*LIMITS), lambda *_: None, 0, **more
    )
    made.assign([0])
    return made


class Watched(threading.Event):
    """Tells when somebody begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.set()
        return super().wait(timeout)
