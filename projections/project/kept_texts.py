"""What of the long texts of a run is kept in its row; the whole becomes a dead letter, so nothing is lost. Pure.

One run may send configuration and parameters of 16 MiB. The tables keep a mebibyte of each, and what is cut says so at its
beginning, where whoever reads it looks first.
"""

import json
from collections.abc import Mapping
from typing import Any

from schemas.dead_letters import LetterName
from schemas.events import Begun, Completed, Payload, SetAside, Workflow
from stores.log.port import Record

#: Bytes of a text, or of the JSON of an object, that are kept. Of an error's message less: it stands in lists.
MOST_BYTES, MOST_MESSAGE_BYTES = 2**20, 2**16
#: Bytes of the JSON of one value of an object that is kept of an object which is too large.
MOST_VALUE_BYTES = 4096

_REASON = "too long to be kept in the run's row: this is the whole"


def kept(record: Record, data: Payload) -> tuple[Payload, list[SetAside]]:
    """What is kept of the message's data, and the texts that were cut, whole. What fits is given back as it is."""
    if not isinstance(data, Begun | Completed):
        return data, []
    cuts = _Cuts(record)
    changes: dict[str, Any] = {}
    if isinstance(data, Completed):
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
