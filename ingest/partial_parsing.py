"""Reading what may be wrong in part: what is right is kept, what is wrong is set aside with its reason."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import pydantic_core
from pydantic import BaseModel, ValidationError

from ingest.redaction import payloads, text
from ingest.request import Unreadable
from schemas.events import SetAside

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


def set_aside(part: str, reason: str, value: object, name: str = "") -> SetAside:
    """The record of something left out; `name` is the field's, by which a secret is known."""
    safe = payloads.value(value, name)
    return SetAside(
        part=part, reason=text.text(reason), raw=json.dumps(safe, ensure_ascii=False, default=str)
    )


def read(
    model: type[M], fields: Mapping[str, Any], part: str, names: Mapping[str, str] | None = None
) -> tuple[M, list[SetAside]]:
    """A `model` of the fields that are right, and the others. Null counts as absent.

    `part` is where in the request the fields stand; `names` gives the runner's names of fields.
    Raises Unreadable with the reason if a field is wrong or missing that the model cannot do without.
    """
    data = {k: v for k, v in fields.items() if v is not None}
    aside: list[SetAside] = []
    while True:
        try:
            return model.model_validate(data), aside
        except ValidationError as error:
            wrong = {
                str(e["loc"][0]): _reason(e) for e in error.errors(include_url=False, include_context=False)
            }
        for key, reason in wrong.items():
            name = (names or {}).get(key, key)
            if key not in data or _is_required(model, key):
                raise Unreadable(f"{name}: {reason}")
            aside.append(set_aside(f"{part}.{name}" if part else name, reason, data.pop(key), name))


def _reason(error: pydantic_core.ErrorDetails) -> str:
    where = ".".join(str(x) for x in error["loc"][1:])
    message = error["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message


def _is_required(model: type[BaseModel], key: str) -> bool:
    return any(
        f.is_required() and key in (name, f.validation_alias) for name, f in model.model_fields.items()
    )


def mapping(fields: Mapping[str, Any], key: str, aside: list[SetAside]) -> dict[str, Any] | None:
    """The object under `key`; None if absent, and if it is something else, which is then set aside."""
    value = fields.get(key)
    if value is None or isinstance(value, dict):
        return value
    aside.append(set_aside(key, f"not an object but {_kind(value)}", value, key))
    return None


def items(fields: Mapping[str, Any], key: str, aside: list[SetAside]) -> list[Any] | None:
    """The array under `key`; None if absent, and if it is something else, which is then set aside."""
    value = fields.get(key)
    if value is None or isinstance(value, list):
        return value
    aside.append(set_aside(key, "not an array", value, key))
    return None


def finite(value: Any, part: str, aside: list[SetAside]) -> Any:
    """Free JSON with null in the place of each NaN and Infinity, which JSON cannot hold."""
    if isinstance(value, float) and not math.isfinite(value):
        aside.append(set_aside(part, "not a finite number", str(value)))
        return None
    if isinstance(value, list):
        return [finite(v, f"{part}[{i}]", aside) for i, v in enumerate(value)]
    if isinstance(value, dict):
        return {k: finite(v, f"{part}.{k}", aside) for k, v in value.items()}
    return value


def strings(values: list[Any], part: str, aside: list[SetAside]) -> list[str]:
    """The strings among the values, in order; the rest is set aside."""
    return list(_strings(values, part, aside))


def _strings(values: list[Any], part: str, aside: list[SetAside]) -> Iterator[str]:
    for i, v in enumerate(values):
        if isinstance(v, str):
            yield v
        else:
            aside.append(set_aside(f"{part}[{i}]", "not a string", v))
