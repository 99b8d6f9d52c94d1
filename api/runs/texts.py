"""The long texts of a run: pages show their beginning, and each has an address that gives the whole."""

from collections.abc import Callable, Mapping
from typing import Any

from api.html.formats import TEXT_SHOWN, as_json, excerpt, size_in_html
from api.runs.models import Run

#: What stands in the address of a text → the text.
TEXTS: Mapping[str, Callable[[Run], str | None]] = {
    "command-line": lambda run: run.workflow.command_line,
    "resume-line": lambda run: run.resume_line,
    "params": lambda run: as_json(run.workflow.params) if run.workflow.params else None,
    "config": lambda run: run.workflow.config_text,
    "error-message": lambda run: run.error.message if run.error else None,
    "error-report": lambda run: run.error.report if run.error else None,
}

#: What one value takes at most in the table of parameters, in bytes of HTML.
_VALUE_SHOWN = 4096


def param_rows(params: Mapping[str, Any], most: int = TEXT_SHOWN) -> tuple[list[tuple[str, str]], bool]:
    """Pure. Names and values for a table of about `most` bytes of HTML, and whether all of them stand there whole."""
    rows: list[tuple[str, str]] = []
    whole = True
    for name, value in params.items():
        if most <= 0:
            return rows, False
        text = value if isinstance(value, str) else as_json(value)
        row = (excerpt(name, _VALUE_SHOWN), excerpt(text, _VALUE_SHOWN))
        whole = whole and row == (name, text)
        most -= size_in_html(row[0]) + size_in_html(row[1])
        rows.append(row)
    return rows, whole
