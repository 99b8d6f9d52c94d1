"""Dead letters as rows, and what bounds them in the tables and in a message to the log. Pure.

One request can set aside 100,000 parts. Neither an insert nor a message may grow with that, since one that is refused for its
size would be tried again for ever.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from projections.project.known_runs import Judged
from schemas.events import MOST_LABELS, Event, Payload, SetAside
from schemas.values import iso
from stores.log.port import Record

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


def to_json(row: dict[str, Any]) -> bytes:
    """A row as ClickHouse takes it."""
    try:
        return msgspec.json.encode(row)
    except UnicodeEncodeError:  # half of a surrogate pair, which is no text
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def dead_letter(
    record: Record, event: Event | None, part: str, type: str, reason: str, request: str, raw: str
) -> bytes:
    """Make a row of `dead_letters` for a part of the message, or for all of it if `part` is empty. `raw` is text or base64."""
    data = event.data if event is not None and isinstance(event.data, Payload) else Payload()
    return to_json(
        {
            "partition": record.partition,
            "offset": record.offset,
            "part": part,
            "run_id": event.run_id if event else "",
            "type": type,
            "reason": reason,
            "request": request,
            "dialect": data.dialect if event else "",
            "workspace": data.workspace,
            "owner": event.owner if event else "",
            "raw": raw,
            "appended_at": iso(record.appended_at),
        }
    )


def set_aside(record: Record, event: Event, parts: Sequence[SetAside]) -> bytes:
    """Make the dead letters of a message's parts; one more counts those that are too many."""
    letters, left = bounded(
        dead_letter(record, event, s.part, event.type, s.reason, "", s.raw) for s in parts
    )
    if left:
        reason = f"{left} more parts of this message were set aside, too many to list"
        letters += dead_letter(record, event, "and more", event.type, reason, "", "")
    return letters


def dropped(record: Record, event: Event, judged: Judged) -> bytes:
    if not judged.dropped:
        return b""
    reason = f"the run has {MOST_LABELS} labels already"
    return dead_letter(record, event, "labels", event.type, reason, "", json.dumps(judged.dropped))
