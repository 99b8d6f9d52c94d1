"""Reads what the version before spooled: segments of records, each `length, crc32, payload`. The next version drops this."""

import json
import struct
import zlib
from collections.abc import Iterator

_HEAD = struct.Struct("<II")


def entries_of(segment: bytes) -> Iterator[tuple[str, str, str, bytes]]:
    """Topic, key, type and value of each whole record; ends at the first that is not whole: nobody was told that it is safe."""
    at = 0
    while at + _HEAD.size <= len(segment):
        length, crc = _HEAD.unpack_from(segment, at)
        at += _HEAD.size
        payload = segment[at : at + length]
        if len(payload) != length or zlib.crc32(payload) != crc:
            return
        at += length
        head, _, value = payload.partition(b"\n")
        topic, key, type = json.loads(head)
        yield topic, key, type, value
