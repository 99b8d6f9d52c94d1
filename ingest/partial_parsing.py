"""Reading what may be wrong in part: what is right is kept, what is wrong is set aside with its reason."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2b
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError

from ingest.redaction import payloads, text
from ingest.request import Unreadable
from schemas.events import SetAside
from schemas.values import MOST_PLACE

#: Of one request, the parts that are kept as dead letters of their own; the rest is counted.
MOST_PARTS = 100
_MOST_PART, _MOST_REASON = 300, 1000  # characters

M = TypeVar("M", bound=BaseModel)

_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_DIGITS = 40  # of a whole number; longer ones cost quadratic time, and no field holds them


def parse(body: bytes) -> dict[str, Any]:
    """The body as an object. Invalid UTF-8 and lone surrogates become U+FFFD. Raises Unreadable."""
    try:
        value = pydantic_core.from_json(body)
    except ValueError:
        value = _parse_what_is_there(body)
    if not isinstance(value, dict):
        raise Unreadable(f"the body is not a JSON object but {_kind(value)}")
    return value


def _parse_what_is_there(body: bytes) -> Any:
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        value = json.loads(text, strict=False, parse_int=_whole_number)
        return without_surrogates(value)
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}") from error
    except RecursionError as error:
        raise Unreadable("the body is nested too deeply") from error


def _whole_number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _kind(value: object) -> str:
    names = {str: "a string", list: "an array", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")


def without_surrogates(value: Any) -> Any:
    """The value with each lone surrogate, which UTF-8 cannot hold, replaced by U+FFFD."""
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [without_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {without_surrogates(k): without_surrogates(v) for k, v in value.items()}
    return value


class SetAsideParts:
    """The parts of a request that could not be used: the first MOST_PARTS of them, and how many more there were.

    So neither the message nor the work grows with what a body repeats.
    """

    def __init__(self) -> None:
        self._parts: list[SetAside] = []
        self._more = 0

    def add(self, part: str, reason: str, value: object, name: str = "") -> None:
        """Set a part aside; `name` is the field's, by which a secret is known."""
        if len(self._parts) >= MOST_PARTS:
            self._more += 1
            return
        raw = json.dumps(payloads.value(value, name), ensure_ascii=False, default=str)
        reason = text.text(reason[:_MOST_REASON])
        self._parts.append(SetAside(part=_short(part), reason=reason, raw=raw))

    def all(self) -> list[SetAside]:
        """What becomes dead letters, the last of them the count of the rest."""
        if not self._more:
            return self._parts
        reason = (
            f"{self._more} more parts of the request could not be used; of each request {MOST_PARTS} are kept"
        )
        return [*self._parts, SetAside(part="(more)", reason=reason, raw=str(self._more))]


def _short(part: str) -> str:
    """A part that still differs from others where its beginning is the same."""
    if len(part) <= _MOST_PART:
        return part
    return f"{part[:_MOST_PART]}~{blake2b(part.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"


def read(
    model: type[M],
    fields: Mapping[str, Any],
    part: str,
    aside: SetAsideParts,
    names: Mapping[str, str] | None = None,
) -> M:
    """A `model` of the fields that are right; the others are set aside. Null counts as absent.

    `part` is where in the request the fields stand; `names` gives the runner's names of fields.
    Raises Unreadable with the reason, and sets nothing aside, if a field is wrong or missing that the model cannot do without.
    """
    data = {k: v for k, v in fields.items() if v is not None}
    for key in _required(model):  # of a body with 80,000 empty records, to have each validated is dear
        if key not in data:
            raise Unreadable(f"{(names or {}).get(key, key)}: Field required")
    wrong: list[tuple[str, str, object, str]] = []
    while True:
        try:
            made = model.model_validate(data)
        except ValidationError as error:
            for key, reason in _wrong_fields(error).items():
                name = (names or {}).get(key, key)
                if key in _required(model) or key not in data:
                    raise Unreadable(f"{name}: {reason}") from None
                wrong.append((f"{part}.{name}" if part else name, reason, data.pop(key), name))
            continue
        for each in wrong:
            aside.add(*each)
        return made


def reason(error: ValidationError) -> str:
    """Why a value could not be used, in a few words."""
    return "; ".join(f"{name}: {why}" for name, why in _wrong_fields(error).items())


def _wrong_fields(error: ValidationError) -> dict[str, str]:
    return {
        str(e["loc"][0] if e["loc"] else "value"): _reason(e)
        for e in error.errors(include_url=False, include_context=False)
    }


def _reason(error: pydantic_core.ErrorDetails) -> str:
    where = ".".join(str(x) for x in error["loc"][1:])
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


@cache
def _required(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys without which there is no such model."""
    return tuple(str(f.validation_alias or name) for name, f in model.model_fields.items() if f.is_required())


def mapping(fields: Mapping[str, Any], key: str, aside: SetAsideParts) -> dict[str, Any] | None:
    """The object under `key`; None if absent, and if it is something else, which is then set aside."""
    value = fields.get(key)
    if value is None or isinstance(value, dict):
        return value
    aside.add(key, f"not an object but {_kind(value)}", value, key)
    return None


def items(fields: Mapping[str, Any], key: str, aside: SetAsideParts) -> list[Any] | None:
    """The array under `key`; None if absent, and if it is something else, which is then set aside."""
    value = fields.get(key)
    if value is None or isinstance(value, list):
        return value
    aside.add(key, "not an array", value, key)
    return None


def _inside(part: str, step: str) -> str:
    """The place of a value in another. It stops growing, so that to name each of many costs no more for deep ones."""
    return part if len(part) > _MOST_PART else part + step


def finite(value: Any, part: str, aside: SetAsideParts) -> Any:
    """Free JSON with null in the place of each NaN and Infinity, which JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        aside.add(part, "not a finite number", str(value))
        return None
    if isinstance(value, list):
        return [finite(v, _inside(part, f"[{i}]"), aside) for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {k: finite(v, _inside(part, "." + k[:_MOST_PART]), aside) for k, v in value.items()}
    return value


def strings(values: list[Any], part: str, aside: SetAsideParts) -> list[str]:
    """The strings among the values, in order; the rest is set aside."""
    return list(_strings(values, part, aside))


def _strings(values: list[Any], part: str, aside: SetAsideParts) -> Iterator[str]:
    for i, v in enumerate(values):
        if isinstance(v, str) and len(v) <= MOST_PLACE:
            yield v
        else:
            reason = f"longer than {MOST_PLACE} characters" if isinstance(v, str) else "not a string"
            aside.add(f"{part}[{i}]", reason, v)
