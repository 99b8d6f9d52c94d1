"""Statements of tests, with the macros of `schemas/macros/` at hand."""

from schemas.sql import TEMPLATES

_IMPORTS = (
    '{% from "schemas/macros/runs.sql" import list_rows, run_rows, run_statuses %}'
    '{% from "schemas/macros/tasks.sql" import task_facts %}'
)


def expand(text: str) -> str:
    """The statement, its macros expanded."""
    return TEMPLATES.from_string(_IMPORTS + text).render()
