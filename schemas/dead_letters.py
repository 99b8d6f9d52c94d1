"""What a dead letter is called, and how an event says that it is one read again."""

import base64
import binascii
import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

#: Why the projector sets aside what somebody else than the run's owner sent. Such letters are read again one by one only.
FOREIGN = "the run belongs to somebody else than the token that this came with"

_ID = re.compile(r"(\d{1,10})-(\d{1,19})(?:-([A-Za-z0-9_-]+))?")
_INT64_MAX = 2**63 - 1


class LetterName(BaseModel):
    """A dead letter: the message of the log that it was, and which part of it; '' for all of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    partition: Annotated[int, Field(ge=0, le=2**32 - 1)]
    offset: Annotated[int, Field(ge=0, le=_INT64_MAX)]
    part: str = ""

    def to_id(self) -> str:
        """As it stands in addresses: PARTITION-OFFSET, and the part in base64."""
        part = base64.urlsafe_b64encode(self.part.encode()).decode().rstrip("=")
        return f"{self.partition}-{self.offset}" + (f"-{part}" if part else "")

    @classmethod
    def from_id(cls, text: str) -> "LetterName":
        """Raises ValueError for a text that is none."""
        parts = _ID.fullmatch(text)
        if parts is None:
            raise ValueError(
                "a dead letter is called PARTITION-OFFSET, or PARTITION-OFFSET-PART as lists give it"
            )
        part = parts[3] or ""
        try:
            raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        except binascii.Error as e:
            raise ValueError(f"{part!r} names no part") from e
        return cls(partition=int(parts[1]), offset=int(parts[2]), part=raw.decode())


class Reread(LetterName):
    """The dead letter that an event was read from, after a fix, and who asked for that."""

    by: str = ""
