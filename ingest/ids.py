"""Ids of runs and events: derived from what a request says, never drawn, so that a repeat has the same."""

import re
from collections.abc import Iterable
from hashlib import blake2b

from schemas.run_ids import ALPHABET

#: First character of the id of a run whose start is not known. No instant before the year 33,000 gives it.
UNTIMED = "w"

_SHAPE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NO_IDS = frozenset({"null", "undefined"})  # what clients write into a path when they have no id
_TIME_CHARACTERS, _HASH_CHARACTERS = 10, 6


def is_run_id(value: object) -> bool:
    """Whether it is well shaped. Ingest knows no runs, so any such id is accepted."""
    return isinstance(value, str) and value not in _NO_IDS and _SHAPE.fullmatch(value) is not None


def run_id(instant: int | None, workspace: str, session_id: str, name: str) -> str:
    """16 characters: the instant (epoch ms) in ten and a hash in six, or without one `w` and 15 of hash.

    So ids of timed runs sort by time, and untimed ones after them.
    """
    digest = int.from_bytes(
        _digest(part.encode("utf-8", "surrogatepass") for part in (workspace, session_id, name))
    )
    if instant is None:
        return UNTIMED + _base32(digest, 15)
    return _base32(instant, _TIME_CHARACTERS) + _base32(digest, _HASH_CHARACTERS)


def run_id_of_bytes(body: bytes) -> str:
    """The id that a create gets which cannot be understood: the runner needs one to go on."""
    return UNTIMED + _base32(int.from_bytes(_digest([body])), 15)


def event_id(run_id: str, verb: str, body: bytes) -> str:
    """128 bits in hex. A request that is sent again has the same id, since clients resend the same bytes."""
    return _digest(
        [run_id.encode("utf-8", "surrogatepass"), verb.encode("utf-8", "surrogatepass"), body]
    ).hex()


def _digest(parts: Iterable[bytes]) -> bytes:
    """blake2b, 128 bits, over the parts, each with its length, so that no two lists give the same."""
    h = blake2b(digest_size=16)
    for part in parts:
        h.update(len(part).to_bytes(8))
        h.update(part)
    return h.digest()


def _base32(number: int, characters: int) -> str:
    """The lowest 5 x `characters` bits, most significant first."""
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (characters - 1), -1, -5))
