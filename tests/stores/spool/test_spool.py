"""The spool: durable, in order within a key, bounded, whole after a cut at any byte."""

import asyncio
import fcntl
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from schemas.topics import EVENTS
from stores.log.port import Bounds, LogUnavailable, Position
from stores.spool.segments import entries_of
from stores.spool.spool import SPOOL_FILE, SPOOLED, SpooledLog
from tests.support.log import MemoryLog

SPOOL = Path(__file__).parents[2] / "upgrade" / "data" / "spool"


class _Log(MemoryLog):
    """A log that can also not answer at all."""

    hangs = False

    async def append(
        self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
    ) -> Position:
        if self.hangs:
            await asyncio.Event().wait()
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
        assert log.spooled_bytes == 0
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
        with pytest.raises(LogUnavailable, match="in use"):
            await _spooled(inner, tmp_path).start()
        inner.away = True
        await log.append(EVENTS, "a", "t", b"kept")
        assert log._draining is not None
        log._draining.cancel()  # as kill -9 would leave it
        await log._file.stop()
        inner.away = False
        again = _spooled(inner, tmp_path)
        await again.start()
        await _until_drained(again)
        assert _values(inner, "a")[-1] == b"kept"
        await again.stop()

    asyncio.run(work())


def test_a_message_that_the_log_always_refuses_is_set_aside_and_holds_up_nothing(tmp_path: Path) -> None:
    class Picky(_Log):
        refuses = True

        async def append(
            self, topic: str, key: str, type: str, value: bytes, partition: int | None = None
        ) -> Position:
            if self.refuses and len(value) > 100:
                raise ValueError("too large")
            return await super().append(topic, key, type, value, partition)

    async def work() -> None:
        inner = Picky()
        log = _spooled(inner, tmp_path)
        await log.start()
        inner.away = True
        for value in (b"1", bytes(200), b"2"):
            assert await log.append(EVENTS, "a", "t", value) == SPOOLED
        inner.away = False
        async with asyncio.timeout(10):
            while log._held:
                await asyncio.sleep(0.005)
        assert _values(inner, "a") == [b"1", b"2"]
        assert (log.refused, log.spooled) == (1, 1) and log.spooled_bytes >= 200
        assert await log.append(EVENTS, "a", "t", b"3") != SPOOLED, "the log is not away"
        await log.stop()
        again = _spooled(inner, tmp_path)
        await again.start()
        assert again.refused == 1, "kept over a restart"
        await again.stop()
        inner.refuses = False  # the topic takes larger ones now
        last = _spooled(inner, tmp_path)
        await last.start()
        await _until_drained(last)
        assert _values(inner, "a") == [b"1", b"2", b"3", bytes(200)] and last.refused == 0
        await last.stop()

    asyncio.run(work())


def test_a_disk_that_fails_for_a_while_does_not_end_the_drain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 3

    async def work() -> None:
        inner = _Log()
        log = SpooledLog(inner, tmp_path, 10**6, 0.05, retry_seconds=0.001)
        await log.start()
        bounds = log._file.bounds

        async def failing(topic: str) -> Mapping[int, Bounds]:
            nonlocal failures
            failures -= 1
            if failures >= 0:
                raise OSError("input/output error")
            return await bounds(topic)

        monkeypatch.setattr(log._file, "bounds", failing)
        inner.away = True
        await log.append(EVENTS, "a", "t", b"1")
        inner.away = False
        await _until_drained(log)
        assert _values(inner, "a") == [b"1"] and failures < 0
        await log.stop()

    asyncio.run(work())


def test_the_file_is_bounded_by_what_came_in_and_shrinks_when_it_is_drained(tmp_path: Path) -> None:
    def on_disk() -> int:
        return sum(f.stat().st_size for f in tmp_path.iterdir())

    async def work() -> None:
        inner = _Log()
        log = _spooled(inner, tmp_path, most=2**30)
        await log.start()
        inner.away = True
        came_in = 0
        await asyncio.gather(*(log.append(EVENTS, f"r{n % 50}", "t", bytes(n % 9000)) for n in range(3000)))
        came_in = sum(n % 9000 for n in range(3000))
        assert on_disk() < 2 * came_in + 8 * 2**20  # pages, and the log of SQLite
        inner.away = False
        await _until_drained(log)
        await log.stop()
        assert on_disk() < 2**20

    asyncio.run(work())


# Appends one message after the other to a spool whose log is away, and says which are acknowledged.
_SPOOLING = """
import asyncio, sys
from pathlib import Path
from stores.spool.spool import SpooledLog
from tests.support.log import MemoryLog

async def main() -> None:
    inner = MemoryLog()
    inner.away = True
    log = SpooledLog(inner, Path(sys.argv[1]), 2**30, 0.001, retry_seconds=60)
    await log.start()

    async def write(key: str) -> None:
        n = 0
        while True:
            await log.append("tracker.events", key, "t", b"%d" % n + bytes(n % 5000))
            sys.stdout.write(f"{key} {n}\\n")
            sys.stdout.flush()
            n += 1

    await asyncio.gather(*(write(key) for key in "abcde"))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 400])
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, lines: int) -> None:
    child = subprocess.Popen([sys.executable, "-c", _SPOOLING, str(tmp_path)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    said += child.stdout.read().splitlines(keepends=True)  # what was acknowledged until it died
    child.stdout.close()
    child.wait()
    acknowledged = Counter(line.split()[0].decode() for line in said if line.endswith(b"\n"))

    async def drained() -> MemoryLog:
        inner = MemoryLog()
        log = _spooled(inner, tmp_path, most=2**30)
        await log.start()
        await _until_drained(log)
        await log.stop()
        return inner

    inner = asyncio.run(drained())
    assert acknowledged.total() >= lines
    for key in "abcde":
        numbers = [int(v.split(b"\0")[0]) for v in _values(inner, key)]
        assert numbers == list(range(len(numbers))) and len(numbers) >= acknowledged[key]


def test_a_file_cut_at_any_byte_gives_the_messages_before_the_cut(tmp_path: Path) -> None:
    """What a power cut leaves of SQLite's log: the whole transactions, never half of a message."""

    async def write() -> None:
        inner = _Log()
        log = SpooledLog(inner, tmp_path / "whole", 10**6, 0.05, retry_seconds=60)
        await log.start()
        inner.away = True
        for n in range(30):
            await log.append(EVENTS, "a", "t", b"%d" % n)
        shutil.copytree(tmp_path / "whole", tmp_path / "copy")
        assert log._draining is not None
        log._draining.cancel()
        await log._file.stop()

    async def drained(folder: Path) -> list[bytes]:
        inner = MemoryLog()
        log = _spooled(inner, folder)
        await log.start()
        await _until_drained(log)
        await log.stop()
        return _values(inner, "a")

    asyncio.run(write())
    whole = (tmp_path / "copy" / f"{SPOOL_FILE}-wal").read_bytes()
    found = []
    for cut in [*range(0, len(whole), len(whole) // 12), len(whole)]:
        folder = tmp_path / f"cut-{cut}"
        shutil.copytree(tmp_path / "copy", folder)
        (folder / f"{SPOOL_FILE}-wal").write_bytes(whole[:cut])
        (folder / f"{SPOOL_FILE}-shm").unlink(missing_ok=True)
        values = asyncio.run(drained(folder))
        assert values == [b"%d" % n for n in range(len(values))]
        found.append(len(values))
    assert found == sorted(found) and found[-1] == 30


def test_a_segment_of_the_version_before_ends_where_it_was_cut_or_changed() -> None:
    segment = next(iter(SPOOL.glob("*.spool"))).read_bytes()
    whole = list(entries_of(segment))
    assert len(whole) > 3 and list(entries_of(segment + b"torn")) == whole
    for at in range(len(segment)):
        changed = bytearray(segment)
        changed[at] ^= 255
        for damaged in (segment[:at], bytes(changed)):
            kept = list(entries_of(damaged))
            assert kept == whole[: len(kept)] and len(kept) < len(whole)


def test_a_process_of_the_version_before_that_still_runs_keeps_its_folder(tmp_path: Path) -> None:
    shutil.copytree(SPOOL, tmp_path / "spool")
    with (tmp_path / "spool" / "lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LogUnavailable, match="version before"):
            asyncio.run(_spooled(_Log(), tmp_path / "spool").start())
    assert list((tmp_path / "spool").glob("*.spool"))
