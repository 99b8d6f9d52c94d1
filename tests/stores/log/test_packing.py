"""How messages lie in the file of the local log: packed, in files of the format before as they are, and damaged."""

import asyncio
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from stores.log.local import LocalLog
from stores.log.packing import PACKED_FROM, pack, unpack
from stores.log.port import LogUnavailable
from tests.support.ingest import Edge, trace
from tests.upgrade.record import ARCHIVE

FRAME = pack(b"x" * PACKED_FROM)


@given(
    st.builds(
        lambda first, more, times: first + more * times,
        st.sampled_from([b"", FRAME[:4], FRAME, b"{"]),
        st.binary(max_size=40),
        st.integers(0, 60),
    )
)
def test_what_is_packed_comes_back(value: bytes) -> None:
    assert unpack(pack(value)) == value


@pytest.mark.parametrize("size", [0, 1, PACKED_FROM - 1, PACKED_FROM, PACKED_FROM + 1, 10**6])
def test_each_length_comes_back(size: int) -> None:
    value = b"x" * size
    assert unpack(pack(value)) == value
    assert (pack(value) == value) == (size < PACKED_FROM)


def test_task_records_take_a_fifth_of_their_bytes(tmp_path: Path) -> None:
    edge, path = Edge(), tmp_path / "log.sqlite"
    tasks = [t for r in trace("larger") for t in r["body"].get("tasks", ()) if t["status"] == "COMPLETED"]
    edge.send("PUT", "/trace/run1/progress", {"tasks": tasks[:100]})
    [record] = edge.log.records
    assert values_after([(record.key, record.value)], path) == [record.value]
    [(stored,)] = stored_in(path)
    assert len(stored) < len(record.value) / 5


def test_a_file_of_the_format_before_is_read_and_goes_on(tmp_path: Path) -> None:
    """The file is one that the last release wrote."""
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(tmp_path, filter="data")
    [old] = tmp_path.rglob("log.sqlite")
    beside = shutil.copy(old, tmp_path / "beside.sqlite")
    assert version(old) == 1
    before = {value for (value,) in stored_in(old)}
    assert len(before) > 20 and max(map(len, before)) > PACKED_FROM
    assert before == set(asyncio.run(all_values(LocalLog(Path(beside), 1, read_only=True))))
    assert version(Path(beside)) == 1, "who only reads changes nothing"
    new = b'{"new": 1}' * 200
    assert set(values_after([("run", new)], old)) == before | {new}
    assert version(old) == 2, "which the last release refuses, as it would not understand what is packed"


def test_a_damaged_message_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    values_after([("run", b"{}" * PACKED_FROM)], path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE records SET value = substr(value, 1, 12)")
    connection.close()
    with pytest.raises(LogUnavailable, match="is damaged"):
        values_after([], path)


def values_after(messages: list[tuple[str, bytes]], path: Path) -> list[bytes]:
    """All that the log holds once the messages are appended."""

    async def append() -> None:
        log = LocalLog(path, 1)
        await log.start()
        for key, value in messages:
            await log.append(topics.EVENTS, key, "test", value)
        await log.stop()

    asyncio.run(append())
    return asyncio.run(all_values(LocalLog(path, 1)))


async def all_values(log: LocalLog) -> list[bytes]:
    await log.start()
    try:
        return [
            record.value
            for topic in topics.ALL
            for partition, bounds in (await log.bounds(topic)).items()
            async for chunk in log.read(topic, partition, bounds.first, bounds.end)
            for record in chunk
        ]
    finally:
        await log.stop()


def stored_in(path: Path) -> list[tuple[bytes]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT value FROM records").fetchall()
    connection.close()
    return rows


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (number,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(number)
