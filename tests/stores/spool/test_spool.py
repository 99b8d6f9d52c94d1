"""The spool: durable, in order within a key, bounded, whole after a cut at any byte."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.topics import EVENTS
from stores.log.port import LogUnavailable, Position
from stores.spool.spool import SPOOLED, SpooledLog
from stores.spool.spool_file import Entry, Spool, entries_of
from tests.support.ingest import MemoryLog


class _Log(MemoryLog):
    """A log that can be away, or not answer at all."""

    away = False
    hangs = False

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise LogUnavailable("away")
        return await super().append(topic, key, type, value, partition)


def _values(log: MemoryLog, key: str) -> list[bytes]:
    return [r.value for r in log.records if r.key == key]


async def _until_drained(log: SpooledLog) -> None:
    async with asyncio.timeout(10):
        while log.spooled:
            await asyncio.sleep(0.005)


def _spooled(log: MemoryLog, folder: Path, most: int = 10**6, seconds: float = 0.05) -> SpooledLog:
    return SpooledLog(log, folder, most, seconds)


@pytest.mark.parametrize("how", ["away", "hangs"])
def test_an_outage_is_answered_and_drained_in_order(tmp_path: Path, how: str) -> None:
    async def work() -> None:
        inner = _Log()
        log = _spooled(inner, tmp_path)
        await log.start()
        assert await log.append(EVENTS, "a", "t", b"0") != SPOOLED
        setattr(inner, how, True)
        for n in range(1, 40):
            assert await log.append(EVENTS, "ab"[n % 2], "t", b"%d" % n) == SPOOLED
        assert log.spooled == 39
        setattr(inner, how, False)
        if how == "hangs":  # the drain is in the append that never ends: as after a restart
            await log.stop()
            log = _spooled(inner, tmp_path)
            await log.start()
        assert await log.append(EVENTS, "a", "t", b"40") == SPOOLED, "nothing overtakes what is spooled"
        await _until_drained(log)
        assert await log.append(EVENTS, "a", "t", b"42") != SPOOLED
        assert _values(inner, "a") == [b"0", *(b"%d" % n for n in range(2, 41, 2)), b"42"]
        assert _values(inner, "b") == [b"%d" % n for n in range(1, 40, 2)]
        assert log.spooled_bytes == 0 and not list(tmp_path.glob("*.spool"))
        await log.stop()

    asyncio.run(work())


def test_it_starts_and_accepts_while_the_log_is_away(tmp_path: Path) -> None:
    class NotThere(_Log):
        tries = 0

        async def start(self) -> None:
            self.tries += 1
            self.away = self.tries < 3
            if self.away:
                raise LogUnavailable("not there yet")

    async def work() -> None:
        inner = NotThere()
        inner.away = True
        log = SpooledLog(inner, tmp_path, 10**6, 0.05, retry_seconds=0.01)
        await log.start()
        assert await log.append(EVENTS, "a", "t", b"1") == SPOOLED
        assert log.has_room
        await _until_drained(log)
        assert inner.tries == 3 and _values(inner, "a") == [b"1"]
        await log.stop()

    asyncio.run(work())


def test_ticks_are_never_spooled(tmp_path: Path) -> None:
    async def work() -> None:
        inner = _Log()
        log = _spooled(inner, tmp_path)
        await log.start()
        inner.away = True
        with pytest.raises(LogUnavailable):
            await log.append(EVENTS, "", "clock.tick", b"", partition=0)
        await log.stop()

    asyncio.run(work())


def test_a_full_spool_refuses_and_recovers(tmp_path: Path) -> None:
    async def work() -> None:
        inner = _Log()
        log = _spooled(inner, tmp_path, most=5_000)
        await log.start()
        inner.away = True
        kept = 0
        with pytest.raises(LogUnavailable, match="TRACKER_SPOOL_BYTES"):
            while True:
                await log.append(EVENTS, "a", "t", bytes(1000))
                kept += 1
        assert kept == 4 == log.spooled
        inner.away = False
        await _until_drained(log)
        assert len(_values(inner, "a")) == 4
        await log.stop()

    asyncio.run(work())


def test_what_was_kept_survives_a_stop_and_a_second_process_is_refused(tmp_path: Path) -> None:
    async def work() -> None:
        inner = _Log()
        log = _spooled(inner, tmp_path)
        await log.start()
        with pytest.raises(OSError):
            await _spooled(inner, tmp_path).start()
        inner.away = True
        await log.append(EVENTS, "a", "t", b"kept")
        assert log._draining is not None
        log._draining.cancel()  # as kill -9 would leave it
        log._spool.close()
        inner.away = False
        again = _spooled(inner, tmp_path)
        await again.start()
        await _until_drained(again)
        assert _values(inner, "a")[-1] == b"kept"
        await again.stop()

    asyncio.run(work())


_ENTRIES = st.lists(
    st.builds(Entry, st.just("t"), st.text(max_size=5), st.text(max_size=5), st.binary(max_size=50)),
    max_size=8,
)


@settings(deadline=None)
@given(_ENTRIES, st.data())
def test_a_cut_at_any_byte_leaves_the_records_before_it(
    entries: Sequence[Entry], data: st.DataObject
) -> None:
    whole = [e.encoded() for e in entries]
    segment = b"".join(whole)
    cut = data.draw(st.integers(0, len(segment)))
    kept = [e for e, _ in entries_of(segment[:cut])]
    assert kept == list(entries)[: len(kept)]
    assert sum(map(len, whole[: len(kept)])) <= cut
    assert len(kept) == len(entries) or sum(map(len, whole[: len(kept) + 1])) > cut


@settings(deadline=None)
@given(_ENTRIES.filter(bool), st.data())
def test_a_changed_byte_is_never_read_as_a_record(entries: Sequence[Entry], data: st.DataObject) -> None:
    segment = bytearray(b"".join(e.encoded() for e in entries))
    at = data.draw(st.integers(0, len(segment) - 1))
    segment[at] ^= data.draw(st.integers(1, 255))
    kept = [e for e, _ in entries_of(bytes(segment))]
    assert kept == list(entries)[: len(kept)] and len(kept) < len(entries)


def test_segments_are_read_over_their_edges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stores.spool.spool_file.SEGMENT_BYTES", 100)
    spool = Spool(tmp_path, 10**6)
    assert spool.open() == []
    entries = [Entry("t", "k", "x", b"%03d" % n) for n in range(30)]
    for e in entries[:20]:
        spool.write([e])
    assert len(list(tmp_path.glob("*.spool"))) > 3
    got: list[Entry] = []
    while batch := spool.read(7):
        if not got:
            spool.write(entries[20:])
        got += batch
        spool.done(len(batch))
    assert got == entries
    assert spool.size == 0
    spool.close()
