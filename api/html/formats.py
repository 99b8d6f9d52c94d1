"""Figures, times and texts as people read them. Pure."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol, TypeVar
from urllib.parse import quote

from markupsafe import escape

from api.runs.models import Counts, Run
from schemas.texts.units import DASH, UNITS
from schemas.values import to_ms

#: What a long text takes of a page at most, in bytes of HTML.
TEXT_SHOWN = 64 * 2**10

#: What a row of a table takes without its texts, about.
_ROW_SHOWN = 700


class Named(Protocol):
    """A process, or figures of one."""

    @property
    def process(self) -> str: ...


T = TypeVar("T", bound=Named)

#: In the order in which a progress bar stacks them.
BAR = ("succeeded", "cached", "failed", "aborted", "running", "submitted", "pending")


def moment(time: str | None) -> str:
    """An RFC 3339 time to the second, in UTC."""
    return DASH if time is None else f"{time[:10]} {time[11:19]} UTC"


def ago(time: str | None, now_ms: int) -> str:
    """How long ago a time was, in its greatest unit."""
    if time is None:
        return DASH
    past = now_ms - ms_of(time)
    for length, unit in UNITS:
        if past >= length:
            return f"{past // length} {unit} ago"
    return "just now"


def ms_of(time: str) -> int:
    """RFC 3339 → ms since 1970."""
    value = to_ms(time)
    assert isinstance(value, int)
    return value


def number(value: float | None) -> str:
    """A number without needless places."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"


def percent(value: float | None) -> str:
    """Per cent."""
    return DASH if value is None else f"{value:,.1f} %"


def amount(value: str | None, currency: str | None) -> str:
    """Money as people read it: two places, or as many as show two digits."""
    if value is None:
        return DASH
    number = Decimal(value)
    places = 2 if not number or abs(number) >= 1 else min(9, 1 - number.adjusted())
    sign = "$" if currency == "USD" else ""
    text = f"{sign}{number:,.{max(2, places)}f}"
    return text if sign or not currency else f"{text} {currency}"


def grams(value: float | None) -> str:
    """A mass in the unit that shows three digits of it."""
    if value is None:
        return DASH
    for unit, of in (("t", 1e6), ("kg", 1e3), ("g", 1.0)):
        if value >= of:
            return f"{value / of:.3g} {unit}" if value < 1000 * of else f"{value / of:,.0f} {unit}"
    return f"{value * 1000:.3g} mg"


def digits(value: float | None) -> str:
    """Three digits of a number that is an estimate."""
    return DASH if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def or_dash(value: object) -> object:
    """What is not known is shown as a dash."""
    return DASH if value is None or value == "" else value


def pipeline(run: Run) -> str:
    """What is run, in a few words."""
    return run.pipeline or DASH


def middle(text: str, most: int = 48) -> str:
    """A long text cut in its middle."""
    keep = (most - 1) // 2
    return text if len(text) <= most else f"{text[:keep]}…{text[-keep:]}"


def size_in_html(text: str) -> int:
    """Bytes that the text takes in a page."""
    return len(escape(text).encode("utf-8", "replace"))


def excerpt(text: str, most: int = TEXT_SHOWN) -> str:
    """The beginning of a text, as much as takes at most `most` bytes of HTML."""
    beginning = text[:most]
    while (size := size_in_html(beginning)) > most:
        beginning = beginning[: len(beginning) * most // size]
    return beginning


def fitting(processes: Sequence[T], most: int, mentions: int = 2) -> Sequence[T]:
    """As many of the first processes as take at most about `most` bytes of HTML as rows that mention a name so often, and one."""
    for place, process in enumerate(processes):
        most -= _ROW_SHOWN + mentions * len(quote(process.process, safe=""))
        if most < 0:
            return processes[: max(1, place)]
    return processes


def task_label(name: str) -> str:
    """A task's name with the last two colon-separated segments of its process; whatever stands in brackets is kept whole."""
    process, bracket, rest = name.partition(" (")
    return ":".join(process.split(":")[-2:]) + bracket + rest


def bar(counts: Counts) -> list[tuple[str, float, float, int]]:
    """Segments of a progress bar: (status, x, width, count), in per cent."""
    if not counts.total:
        return []
    segments, x = [], 0.0
    for name in BAR:
        count = getattr(counts, name)
        if count:
            width = 100 * count / counts.total
            segments.append((name, round(x, 2), round(width, 2), count))
            x += width
    return segments


def as_json(value: object) -> str:
    """JSON for people, as text to be escaped."""
    return json.dumps(value, ensure_ascii=False, indent=2)
