"""Page tokens: opaque to callers, checked when they come back. Pure."""

import base64
import binascii
import json
from typing import Any, NamedTuple

from api.core.problems import bad_request

INT64_MAX = 2**63 - 1
UINT32_MAX = 2**32 - 1

#: The greatest place in a list by offset; nobody pages further, and sorting so far would be expensive.
OFFSET_MAX = 100_000_000


class RunCursor(NamedTuple):
    """After this run: (first append in ms, id)."""

    first_ms: int = INT64_MAX
    run_id: str = ""


class OffsetCursor(NamedTuple):
    """After so many items of a list in this order: of tasks, or of runs that are sorted."""

    sort: str
    offset: int = 0


class DeadLetterCursor(NamedTuple):
    """After this dead letter."""

    at_ms: int = INT64_MAX
    partition: int = UINT32_MAX
    offset: int = INT64_MAX
    part: str = ""


class AlertCursor(NamedTuple):
    """After this alert."""

    since_ms: int = INT64_MAX
    alert_id: str = ""


def to_token(place: tuple[int | str, ...]) -> str:
    """The place as URL-safe text."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def run_cursor(token: str) -> RunCursor:
    """The start of the list for an empty token. Raises Problem 400 if it is not ours; so do the others."""
    return RunCursor(*_read(token, (INT64_MAX, str))) if token else RunCursor()


def offset_cursor(token: str, sort: str) -> OffsetCursor:
    """As above; a token of a list in another order is not ours either."""
    place = OffsetCursor(*_read(token, (str, OFFSET_MAX))) if token else OffsetCursor(sort)
    if place.sort != sort:
        raise bad_request("page_token: it belongs to a list sorted otherwise; start again without it")
    return place


def dead_letter_cursor(token: str) -> DeadLetterCursor:
    """As above."""
    return (
        DeadLetterCursor(*_read(token, (INT64_MAX, UINT32_MAX, INT64_MAX, str)))
        if token
        else DeadLetterCursor()
    )


def alert_cursor(token: str) -> AlertCursor:
    """As above."""
    return AlertCursor(*_read(token, (INT64_MAX, str))) if token else AlertCursor()


def _read(token: str, shape: tuple[int | type[str], ...]) -> list[Any]:
    """The token's values: where the shape has a number, an integer from 0 to it, else a text."""
    wrong = bad_request(
        "page_token: not a token of this list; give the next_page_token of an answer, or none"
    )
    try:
        values = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as e:
        raise wrong from e
    if not isinstance(values, list) or len(values) != len(shape):
        raise wrong
    for value, expected in zip(values, shape, strict=True):
        if isinstance(expected, int):
            if type(value) is not int or not 0 <= value <= expected:
                raise wrong
        elif not isinstance(value, str) or not is_unicode(value):
            raise wrong
    return values


def is_unicode(text: str) -> bool:
    """Whether it can be sent as UTF-8: JSON may hold half of a surrogate pair, which cannot."""
    return not any("\ud800" <= c <= "\udfff" for c in text)
