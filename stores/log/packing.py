"""How a message lies in the file of the local log: larger ones as a frame of zstd, others as they are. Pure.

A frame is known by its first bytes. A message that begins with these itself is always packed, so none is mistaken for a frame.
"""

import cramjam

_MAGIC = b"\x28\xb5\x2f\xfd"
#: Bytes of a message from which on it is packed: below, a frame costs more time (25 µs) than the bytes that it saves.
PACKED_FROM = 1024
#: Measured on task records, 100 a message: packed to 4 % (AWS Batch) and 12 % (local) in 0.8 µs a record. Level 3 saves no more.
_LEVEL = 1


def pack(value: bytes) -> bytes:
    """The bytes to write."""
    if len(value) < PACKED_FROM and not value.startswith(_MAGIC):
        return value
    return bytes(cramjam.zstd.compress(value, _LEVEL))


def unpack(stored: bytes) -> bytes:
    """The message. Raises cramjam.DecompressionError for a frame that is damaged."""
    return bytes(cramjam.zstd.decompress(stored)) if stored.startswith(_MAGIC) else stored
