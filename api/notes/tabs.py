"""The tabs with the notes about a run and with its analysis."""

from collections.abc import Mapping
from typing import Any

from api.core.db import Reader
from api.notes.models import Kind
from api.notes.queries import ON_PAGE, notes, rendered
from api.runs.models import RunFacts, Tab


def _fetch(kind: Kind, reader: Reader, facts: RunFacts) -> dict[str, Any]:
    newest = notes(reader, facts.run.id, kind, ON_PAGE)
    return {"notes": rendered(newest.notes), "more": newest.more}


def _notes(reader: Reader, facts: RunFacts, _: Mapping[str, str]) -> dict[str, Any]:
    return _fetch("note", reader, facts)


def _analysis(reader: Reader, facts: RunFacts, _: Mapping[str, str]) -> dict[str, Any]:
    return _fetch("analysis", reader, facts)


NOTES = Tab("notes", "Notes", "notes/run_notes.html", _notes)
AI = Tab(
    "ai",
    "AI Analysis",
    "notes/run_ai.html",
    _analysis,
    applies=lambda facts: bool(facts.of_tabs["ai"]),
    fact="notes/has_analysis",
)
