"""Calls of our views with parameters, written out. Pure.

ClickHouse plans a call of such a view about twice as slowly as the view's text in its place (46 against 18 ms for a run's status,
on 26.9), and planning is most of what a small answer takes. So the text stands once, in `schemas/tables/`, and statements name
the view; before they are sent, the text takes the place of the name.
"""

import re
from functools import cache
from importlib.resources import files

#: View → the file that defines it.
VIEWS = {"task_facts": "0011_task_facts.sql", "run_statuses": "0012_run_statuses.sql"}

_CALL = re.compile(rf"\b({'|'.join(VIEWS)})\(")
_ALIAS = re.compile(r"\s+AS\s+(\w+)")
#: A condition that this call switches off: it would be planned all the same.
_ALWAYS = re.compile(r"\s+AND \(0 = 0 OR\b")
_ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*(.+?)\s*", re.DOTALL)


@cache
def body(view: str) -> str:
    """The SELECT that defines the view."""
    ddl = (files("schemas.tables") / VIEWS[view]).read_text("utf-8")
    return ddl.split(f"CREATE OR REPLACE VIEW {view} AS\n", 1)[1].strip()


def write_out(sql: str) -> str:
    """The statement with each `view(name = argument, …)` replaced by the view's SELECT, under the same alias or its name."""
    written, at = [], 0
    while call := _CALL.search(sql, at):
        view, end = call[1], _closing(sql, call.end())
        alias = _ALIAS.match(sql, end)
        arguments = dict(_argument(a) for a in _split(sql[call.end() : end - 1]))
        written += [
            sql[at : call.start()],
            f"(\n{_fill(view, arguments)}\n) AS {alias[1] if alias else view}",
        ]
        at = alias.end() if alias else end
    return "".join([*written, sql[at:]])


def _fill(view: str, arguments: dict[str, str]) -> str:
    """The view's SELECT with its parameters replaced. Raises KeyError for one that the call does not give."""
    text = re.sub(r"\{(\w+):[^}]+\}", lambda found: arguments[found[1]], body(view))
    while found := _ALWAYS.search(text):
        text = text[: found.start()] + text[_closing(text, found.end()) :]
    return text


def _argument(text: str) -> tuple[str, str]:
    found = _ARGUMENT.fullmatch(text)
    if found is None:
        raise ValueError(f"not `name = argument`: {text!r}")
    return found[1], found[2]


def _closing(sql: str, at: int) -> int:
    """Behind the bracket that closes the one before `at`."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        at += 1
    return at


def _split(text: str) -> list[str]:
    """At the commas that stand in no bracket."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([{") - (c in ")]}")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return parts
