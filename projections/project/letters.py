"""Bounds what dead letters take: in the tables, in a message to the log. Pure.

One request can set aside 100,000 parts. Neither an insert nor a message may grow with that, since one that is refused for its
size would be tried again for ever.
"""

import json
from collections.abc import Iterable, Iterator

#: The dead letters of one message of the log take so many bytes in the tables; what comes after is counted.
MESSAGE_BYTES = 8 * 2**20
#: Dead letters are published in messages of at most so many bytes, far below any limit of a log.
PIECE_BYTES = 512 * 1024
#: A text of a letter that is cut keeps so many characters.
STUB_CHARACTERS = 2000


def bounded(letters: Iterable[bytes], max_bytes: int = MESSAGE_BYTES) -> tuple[bytes, int]:
    """Join the letters that fit, and count those that do not. The first always fits."""
    kept: list[bytes] = []
    size = left = 0
    for letter in letters:
        if left or (kept and size + len(letter) > max_bytes):
            left += 1
        else:
            kept.append(letter)
            size += len(letter)
    return b"".join(kept), left


def stub(letter: bytes) -> bytes:
    """The same letter without its raw bytes, its texts cut. The letter is a row of `dead_letters` as JSON."""
    row = {k: v[:STUB_CHARACTERS] if isinstance(v, str) else v for k, v in json.loads(letter).items()}
    reason = f"{row['reason'][:STUB_CHARACTERS]} (its {len(letter)} bytes were too many to keep)"
    return json.dumps(row | {"raw": "", "reason": reason}, separators=(",", ":")).encode()


def pieces(letters: bytes, max_bytes: int = PIECE_BYTES) -> Iterator[bytes]:
    """Split concatenated or line-separated letters into messages by bytes. A letter that is larger alone becomes a stub."""
    piece: list[bytes] = []
    size = 0
    for letter in rows_of(letters):
        row = letter if len(letter) <= max_bytes else stub(letter)
        if piece and size + len(row) > max_bytes:
            yield b"".join(piece)
            piece, size = [], 0
        piece.append(row)
        size += len(row)
    if piece:
        yield b"".join(piece)


def rows_of(letters: bytes) -> Iterator[bytes]:
    """The JSON objects that stand one after the other."""
    text, decoder, at = letters.decode("utf-8", "replace"), json.JSONDecoder(), 0
    while at < len(text):
        _, end = decoder.raw_decode(text, at)
        yield text[at:end].encode("utf-8", "replace")
        at = end + 1 if text[end : end + 1] == "\n" else end
