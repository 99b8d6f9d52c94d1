"""What of the long texts and lists of a run is kept in its row; the whole becomes a dead letter, so nothing is lost. Pure.

One run may send configuration and parameters of 16 MiB. The tables keep a mebibyte of each, and what is cut says so at its
beginning, where whoever reads it looks first.
"""

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, TypeVar

from pydantic import BaseModel

from schemas.dead_letters import LetterName
from schemas.events import Begun, Completed, Heartbeat, Payload, SetAside, Workflow
from stores.log.port import Record

T = TypeVar("T", bound=BaseModel)

#: Bytes of a text, or of the JSON of an object, that are kept. Of an error's message less: it stands in lists.
MOST_BYTES, MOST_MESSAGE_BYTES = 2**20, 2**16
#: Bytes of the JSON of one value of an object that is kept of an object which is too large.
MOST_VALUE_BYTES = 4096

#: Names of processes of a run that are kept, and what they take together (bytes). Totals by process are kept for as many, or not
#: at all, since with some missing they would not add up. Pipelines have hundreds at most.
MOST_PROCESSES, MOST_NAMES_BYTES = 2000, 2**18

_REASON = "too long to be kept in the run's row: this is the whole"


def kept(record: Record, data: Payload) -> tuple[Payload, list[SetAside]]:
    """What is kept of the message's data, and the texts that were cut, whole. What fits is given back as it is."""
    cuts = _Cuts(record)
    changes: dict[str, Any] = {}
    if isinstance(data, Heartbeat) and data.stored:
        changes["stored"] = cuts.totals("stored", data.stored)
    if not isinstance(data, Begun | Completed):
        return (data.model_copy(update=changes) if cuts.aside else data), cuts.aside
    if isinstance(data, Begun) and data.process_names:
        changes["process_names"] = cuts.names("process_names", data.process_names)
    if isinstance(data, Completed):
        changes["processes"] = cuts.totals("processes", data.processes)
        changes["error_message"] = cuts.text("error_message", data.error_message, MOST_MESSAGE_BYTES)
        changes["error_report"] = cuts.text("error_report", data.error_report)
    if data.workflow is not None:
        changes["workflow"] = _kept_workflow(data.workflow, cuts)
    return (data.model_copy(update=changes) if cuts.aside else data), cuts.aside


def _kept_workflow(w: Workflow, cuts: "_Cuts") -> Workflow:
    texts: dict[str, Any] = {
        name: cuts.text(f"workflow.{name}", getattr(w, name)) for name in ("command_line", "config_text")
    }
    objects = {name: cuts.json(f"workflow.{name}", getattr(w, name)) for name in ("params", "manifest")}
    return w.model_copy(update=texts | objects)


class _Cuts:
    """Cuts the texts of one message, and collects those that were too long."""

    def __init__(self, record: Record) -> None:
        self.aside: list[SetAside] = []
        self._record = record

    def text(self, part: str, text: str, most: int = MOST_BYTES) -> str:
        """The text, or its beginning after a line that says where the whole is."""
        if 4 * len(text) <= most or len(raw := text.encode("utf-8", "replace")) <= most:
            return text
        self._set_aside(part, json.dumps(text, ensure_ascii=False))
        return f"{self._notice(part, len(raw))}\n{raw[:most].decode('utf-8', 'ignore')}"

    def names(self, part: str, names: Sequence[str]) -> list[str]:
        """The first of the names, as many as are kept."""
        ends = list(accumulate(4 * len(name) for name in names[:MOST_PROCESSES]))
        kept = bisect_right(ends, MOST_NAMES_BYTES)
        if kept < len(names):
            self._set_aside(part, json.dumps(list(names), ensure_ascii=False))
        return list(names[:kept])

    def totals(self, part: str, totals: Sequence[T] | None) -> Sequence[T] | None:
        """The totals by process; None for too many."""
        if totals is None or len(totals) <= MOST_PROCESSES:
            return totals
        self._set_aside(part, json.dumps([t.model_dump() for t in totals], ensure_ascii=False))
        return None

    def json(self, part: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """The object; of one that is too large the entries that are small, as far as they fit, and a notice."""
        whole = json.dumps(value, ensure_ascii=False)
        if len(whole.encode("utf-8", "replace")) <= MOST_BYTES:
            return dict(value)
        self._set_aside(part, whole)
        entries: dict[str, Any] = {"…": self._notice(part, len(whole))}
        left = MOST_BYTES
        for name, entry in value.items():
            size = len(json.dumps({name: entry}, ensure_ascii=False).encode("utf-8", "replace"))
            if size <= min(left, MOST_VALUE_BYTES):
                entries[name] = entry
                left -= size
        return entries

    def _notice(self, part: str, size: int) -> str:
        place = {"partition": self._record.partition, "offset": self._record.offset}
        letter = LetterName(**place, part=part).to_id()
        return f"[cut: of {size} bytes the beginning is kept here; the whole is the dead letter {letter}]"

    def _set_aside(self, part: str, whole: str) -> None:
        self.aside.append(SetAside(part=part, reason=_REASON, raw=whole))
