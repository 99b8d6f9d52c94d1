"""The archive's objects: every message comes back as it was, and where they are cut follows from the log alone."""

import json
from collections.abc import Sequence

import cramjam
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stores.log.port import Record
from stores.s3 import archive_format
from stores.s3.archive_format import (
    HOUR_MS,
    ArchiveBroken,
    Cutter,
    Segment,
    SegmentKey,
    decode,
    encode,
    hour_of,
    parse_key,
)

T0 = 1_795_546_800_000  # an hour begins
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))


def segment_key(*records: Record) -> SegmentKey:
    return SegmentKey(records[0].partition, hour_of(records[0].appended_at), records[0].offset)


def lines(records: Sequence[Record]) -> list[dict[str, object]]:
    return [json.loads(line) for line in bytes(cramjam.zstd.decompress(encode(records))).splitlines()]


@given(
    st.lists(st.tuples(st.integers(-1, 2**62), TEXTS, TEXTS, VALUES), min_size=1, max_size=8),
    st.integers(0, 2**40),
)
@example([(T0, "run", "tasks.changed", b'{"a":"\xc3\xbc"}\n[{"b":1}]')], 0)
@example(
    [(T0, "", "?", b"\xed\xa0\x80"), (T0, "", "?", b"\0"), (T0, "", "?", b"\xff"), (T0, "", "?", b"")], 7
)
@example([(T0, "k\u2028\x85\n", "\r", "\u2028\x85\x0b\x0c\r\n".encode())], 0)
@example([(T0, "k", "t", b'"\\' * 400), (T0, "k", "t", b"\x01" * 400)], 0)
def test_each_message_comes_back_as_it_was(told: list[tuple[int, str, str, bytes]], first: int) -> None:
    records = tuple(Record(3, first + n, *fields) for n, fields in enumerate(told))
    body = encode(records)
    assert decode(segment_key(*records), body) == Segment(segment_key(*records), records)
    assert encode(list(records)) == body


def test_text_can_be_read_without_us_and_bytes_that_are_none_are_kept() -> None:
    text = '{"id":"1","text":"ü"}\n[{"run_id":"r"}]'
    first, second, third = lines(
        [
            Record(0, 0, T0, "r", "tasks.changed", text.encode()),
            Record(0, 1, T0, "r", "?", b"\xff"),
            Record(0, 2, T0, "", "", b"\0" * 9),
        ]
    )
    assert first == {"offset": 0, "appended_at": T0, "key": "r", "type": "tasks.changed", "text": text}
    assert second["base64"] == "/w==" and "text" not in second
    assert "base64" in third, "escapes would make it six times as long"


@given(st.integers(0, 999_999), st.integers(0, 70_389_527), st.integers(0, 10**20 - 1))
def test_a_key_says_its_place_and_sorts_by_offset(partition: int, hour: int, first: int) -> None:
    there = SegmentKey(partition, hour, first)
    assert parse_key(there.path()) == there
    later = SegmentKey(partition, min(hour + 1, 70_389_527), first + 1)
    assert first == 10**20 - 1 or there.path() < later.path()


@pytest.mark.parametrize(
    "key",
    [
        "archive.json",
        "partition=0/hour=2026-11-24T19/1.jsonl.zst",
        "partition=00/hour=2026-11-24T19/00000000000000000000.jsonl.zst",
        "partition=0/hour=2026-13-24T19/00000000000000000000.jsonl.zst",
        "partition=0/hour=2026-11-24T19/00000000000000000000.jsonl.zst.tmp",
        "partition=0/hour=2026-11-24T19/../00000000000000000000.jsonl.zst",
        "partition=٣/hour=2026-11-24T19/00000000000000000000.jsonl.zst",
        "partition=0/hour=1969-12-31T23/00000000000000000000.jsonl.zst",
    ],
)
def test_another_key_is_none_of_ours(key: str) -> None:
    assert parse_key(key) is None


def _object(*told: object) -> bytes:
    return bytes(cramjam.zstd.compress("".join(json.dumps(line) + "\n" for line in told).encode()))


GOOD = {"offset": 0, "appended_at": T0, "key": "", "type": "", "text": "x"}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "no zstd"),
        (b"plain text, and long enough", "no zstd"),
        (_object(GOOD)[:-4], "DecompressionError|ends too early"),
        (_object(GOOD | {"offset": 1}), "follow each other"),
        (_object(GOOD, GOOD), "follow each other"),
        (_object(GOOD | {"offset": "0"}), "another type"),
        (_object(GOOD | {"appended_at": True}), "another type"),
        (_object(GOOD | {"key": None}), "another type"),
        (_object({k: v for k, v in GOOD.items() if k != "text"}), "base64"),
        (_object({k: v for k, v in GOOD.items() if k != "text"} | {"base64": "?"}), "Error"),
        (_object(GOOD | {"text": "\ud800"}), "surrogates"),
        (_object(GOOD | {"text": 3}), "another type"),
        (_object(GOOD | {"key": "\ud800"}), "surrogates"),
        (_object(["a line that is no object"]), "TypeError"),
        (bytes(cramjam.zstd.compress(b"[" * 100_000)), "RecursionError"),
        (bytes(cramjam.zstd.compress(b"\xff\xff")) + b"\0" * 8, "DecompressionError|codec"),
        (b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little") + b"\0" * 20, "1099511627776 bytes"),
        (b"\x28\xb5\x2f\xfd\x00" + b"\0" * 20, "how long"),
    ],
)
def test_what_is_no_segment_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ArchiveBroken, match=why):
        decode(SegmentKey(0, hour_of(T0), 0), body)


def test_an_object_that_says_less_than_it_holds_is_refused_before_it_fills_the_memory() -> None:
    body = bytearray(cramjam.zstd.compress(b"\0" * 2**26))
    assert len(body) < 10_000
    start, length = 5, {0: 1, 1: 2, 2: 4, 3: 8}[body[4] >> 6]
    body[start : start + length] = (1000).to_bytes(length, "little")
    with pytest.raises(ArchiveBroken, match="DecompressionError"):
        decode(SegmentKey(0, hour_of(T0), 0), bytes(body))


def cut(records: Sequence[Record], hour: int = 0) -> tuple[list[Segment], Segment | None]:
    cutter = Cutter(0, hour)
    whole = [s for r in records if (s := cutter.add(r))]
    return whole, cutter.rest()


@given(st.lists(st.integers(-3 * HOUR_MS, 9 * HOUR_MS), min_size=1, max_size=60), st.integers(0, 59))
def test_segments_are_a_chain_that_anybody_cuts_alike(times: list[int], restart: int) -> None:
    records = [Record(0, n, T0 + t, "k", "t", b"v" * (n % 7)) for n, t in enumerate(times)]
    whole, rest = cut(records)
    every = [*whole, *([rest] if rest else [])]
    assert [r for s in every for r in s.records] == records
    hours = [s.key.hour for s in every]
    assert hours == sorted(hours) and len(set(hours)) == len(hours), (
        "a clock that steps back opens no hour again"
    )
    assert all(hour_of(s.records[0].appended_at) <= s.key.hour for s in every)
    # Whoever begins at the end of any segment cuts the rest in the same way.
    n = restart % len(every)
    begin = every[n].end
    again, last = cut(records[begin:], every[n].key.hour)
    assert again == whole[n + 1 :] and (last is None or last == rest)


def test_a_segment_is_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_format, "SEGMENT_BYTES", 1000)
    monkeypatch.setattr(archive_format, "SEGMENT_MESSAGES", 4)
    sizes = [1, 1, 1, 1, 1, 600, 600, 5000, 1, 1]
    whole, rest = cut([Record(0, n, T0, "", "", b"x" * size) for n, size in enumerate(sizes)])
    assert [[len(r.value) for r in s.records] for s in whole] == [[1, 1, 1, 1], [1, 600], [600], [5000]]
    assert rest is not None and [len(r.value) for r in rest.records] == [1, 1]
