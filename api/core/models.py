"""Types that the answers of all capabilities share.

Outside programs rely on names and meanings of answers: fields may be added, never changed. Times are RFC 3339 in UTC with ms;
money is a decimal text; durations are ms, sizes bytes.
"""

from typing import Annotated

from pydantic import WithJsonSchema

Time = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Money = Annotated[str, WithJsonSchema({"type": "string", "format": "decimal"})]
