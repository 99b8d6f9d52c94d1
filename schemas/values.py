"""Types of fields that events, settings of requests and answers share: times, counts, and texts of bounded length."""

import json
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationInfo

#: The greatest time that a DateTime64(3) column holds, in ms since 1970: 2299-12-31T23:59:59.999Z.
MS_MAX = 10_413_791_999_999
INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1


def to_ms(value: object) -> object:
    """RFC 3339 string or datetime → epoch ms, rounded half up; anything else is returned as it is.

    Raises ValueError where a time has no zone, since then it is not a moment.
    """
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a time needs a zone, such as Z or +02:00")
        return int(value.timestamp() * 1000 + 0.5)
    return value


def iso(ms: int) -> str:
    """Epoch ms → RFC 3339 in UTC with ms."""
    seconds, rest = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, tz=UTC).isoformat()[:19]}.{rest:03d}Z"


Instant = Annotated[int, Field(ge=0, le=MS_MAX, description="ms since 1970 by the runner's clock")]
Ms = Annotated[
    int, BeforeValidator(to_ms), Field(ge=0, le=MS_MAX, description="ms since 1970; RFC 3339 is accepted")
]
Moment = Annotated[
    AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(2300, 1, 1, tzinfo=UTC))
]
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
AlertId = Annotated[str, Field(min_length=1, max_length=64)]


#: The context in which what stands on the log is validated: an older version took longer strings, and they stay.
FROM_LOG = {"from_log": True}


def _at_most(characters: int) -> AfterValidator:
    """Refuse longer strings, unless they are read from the log. Raises ValueError."""

    def check(value: str, info: ValidationInfo) -> str:
        if len(value) > characters and info.context is not FROM_LOG:
            raise ValueError(f"longer than {characters} characters")
        return value

    return AfterValidator(check)


MOST_NAME, MOST_PLACE = 1000, 4096
Name = Annotated[str, _at_most(MOST_NAME)]
#: A path, an address, or a name that is made of others.
Place = Annotated[str, _at_most(MOST_PLACE)]
#: The same of task records, of which a message has many and which nobody validates after ingest.
Text = Annotated[str, Field(max_length=2**20)]


def object_text(value: object) -> str:
    """An object of free JSON → its text. Raises ValueError for what JSON cannot hold, and for a text of anything else."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if not isinstance(value, str) or not isinstance(json.loads(value), dict):
        raise ValueError("not an object")
    return value


#: An object whose fields are the runner's own, as JSON text.
MOST_OBJECT = 16_384
Object = Annotated[str, BeforeValidator(object_text), Field(max_length=MOST_OBJECT)]
Person = Annotated[str, Field(max_length=200)]
Amount = Annotated[int, Field(ge=-INT64_MAX, le=INT64_MAX)]


#: 0 ms since 1970 is how runners say "not yet".
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
