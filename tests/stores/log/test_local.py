"""What only the local log promises: kill -9, one writer, its own clock; and a model of it."""

import asyncio
import hashlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import topics
from stores.log.local import LocalLog, fair_share, partition_of
from stores.log.port import Bounds, LogUnavailable, Record
from tests.support.examples import examples
from tests.support.services.log_appender import PARTITIONS

ROOT = Path(__file__).parents[3]


def run(log: LocalLog, test: Callable[[LocalLog], Awaitable[None]]) -> None:
    async def main() -> None:
        await log.start()
        try:
            await test(log)
        finally:
            await log.stop()

    asyncio.run(main())


async def all_of(log: LocalLog, partition: int) -> list[Record]:
    return [r async for chunk in log.read(topics.EVENTS, partition, 0, 2**40) for r in chunk]


def test_what_is_deleted_stays_deleted_and_offsets_go_on(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"

    async def fill(log: LocalLog) -> None:
        for n in range(5):
            await log.append(topics.EVENTS, "run", "test", b"%d" % n)
        await log.delete_before(topics.EVENTS, {0: 3})
        assert await log.bounds(topics.EVENTS) == {0: Bounds(3, 5)}
        assert [r.value for r in await all_of(log, 0)] == [b"3", b"4"]
        await log.delete_before(topics.EVENTS, {0: 99})
        assert await log.bounds(topics.EVENTS) == {0: Bounds(5, 5)}

    async def go_on(log: LocalLog) -> None:
        assert await log.bounds(topics.EVENTS) == {0: Bounds(5, 5)}
        assert (await log.append(topics.EVENTS, "run", "test", b"5")).offset == 5

    run(LocalLog(path, 1), fill)
    run(LocalLog(path, 1), go_on)


def test_kill_9_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    acknowledged: list[str] = []
    for wanted in (50, 1, 300):  # killed again and again, the log being the same
        with subprocess.Popen(
            [sys.executable, "-m", "tests.support.services.log_appender", str(path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        ) as child:
            assert child.stdout is not None
            acknowledged += [child.stdout.readline() for _ in range(wanted)]
            child.send_signal(signal.SIGKILL)
            acknowledged += child.stdout.readlines()  # what it had printed before it died

    async def check(log: LocalLog) -> None:
        found = {partition: await all_of(log, partition) for partition in range(PARTITIONS)}
        for line in acknowledged:
            partition, offset, key, digest = line.split()
            record = found[int(partition)][int(offset)]
            assert record.offset == int(offset)
            assert record.key == key
            assert hashlib.sha256(record.value).hexdigest() == digest

    assert len(acknowledged) >= 351
    run(LocalLog(path, PARTITIONS), check)


def test_only_one_process_writes(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.services.log_appender", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        # A full pipe would stop the child.
        threading.Thread(target=child.stdout.read, daemon=True).start()
        with pytest.raises(LogUnavailable, match=r"log\.sqlite is in use by another process"):
            asyncio.run(LocalLog(path, PARTITIONS).start())

        async def read_beside(log: LocalLog) -> None:
            assert await log.take(topics.EVENTS, dict.fromkeys(range(PARTITIONS), 0), 1, 10)
            positions = {0: (await log.bounds(topics.EVENTS))[0].end}
            assert await log.take(topics.EVENTS, positions, 3, 30)  # what the other process appends meanwhile
            with pytest.raises(LogUnavailable, match="reading only"):
                await log.append(topics.EVENTS, "run", "test", b"x")
            with pytest.raises(LogUnavailable, match="reading only"):
                await log.commit("readers", topics.EVENTS, {0: 1})

        run(LocalLog(path, 1, read_only=True), read_beside)
        child.kill()

    async def write(log: LocalLog) -> None:
        await log.append(topics.EVENTS, "run", "test", b"x")

    run(LocalLog(path, PARTITIONS), write)  # the lock went with the process


def test_read_only_after_a_kill_finds_everything(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.services.log_appender", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(20)]
        child.kill()

    async def check(log: LocalLog) -> None:
        for line in lines:
            partition, offset, _, digest = line.split()
            record = (await all_of(log, int(partition)))[int(offset)]
            assert hashlib.sha256(record.value).hexdigest() == digest

    run(LocalLog(path, PARTITIONS, read_only=True), check)


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogUnavailable, match=r"missing\.sqlite"):
        asyncio.run(LocalLog(tmp_path / "missing.sqlite", 1, read_only=True).start())
    (tmp_path / "text.sqlite").write_text("this is no database, though it is long enough to be one" * 20)
    with pytest.raises(LogUnavailable, match=r"text\.sqlite"):
        asyncio.run(LocalLog(tmp_path / "text.sqlite", 1).start())
    with sqlite3.connect(tmp_path / "newer.sqlite") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(LogUnavailable, match="format 99"):
        asyncio.run(LocalLog(tmp_path / "newer.sqlite", 1).start())


def test_the_append_time_never_falls_and_survives(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    now = 1_000

    async def append(log: LocalLog) -> None:
        nonlocal now
        for time in (1_000, 900, 1_100, 500):
            now = time
            await log.append(topics.EVENTS, "run", "test", b"x", 0)

    async def once_more(log: LocalLog) -> None:
        await log.append(topics.EVENTS, "run", "test", b"x", 0)
        await log.append(topics.EVENTS, "run", "test", b"x", 1)  # a partition has its own time
        assert [r.appended_at for r in await all_of(log, 0)] == [1_000, 1_000, 1_100, 1_100, 1_100]
        assert [r.appended_at for r in await all_of(log, 1)] == [500]

    run(LocalLog(path, 2, clock=lambda: now), append)
    run(LocalLog(path, 2, clock=lambda: now), once_more)


def test_the_file_keeps_its_number_of_partitions(tmp_path: Path) -> None:
    async def nothing(log: LocalLog) -> None:
        pass

    async def check(log: LocalLog) -> None:
        assert log.partitions == 3
        with pytest.raises(ValueError, match="TRACKER_PARTITIONS=3"):
            await log.create_topics(8)

    run(LocalLog(tmp_path / "log.sqlite", 3), nothing)
    run(LocalLog(tmp_path / "log.sqlite", 8), check)


def test_a_bad_append_fails_alone(tmp_path: Path) -> None:
    async def test(log: LocalLog) -> None:
        results = await asyncio.gather(
            log.append(topics.EVENTS, "good", "test", b"1"),
            log.append(topics.EVENTS, "bad \ud800", "test", b"2"),
            log.append(topics.EVENTS, "bad", "\ud800", b"3"),
            log.append(topics.EVENTS, "bad", "test", b"4", partition=9),
            log.append("no.such.topic", "bad", "test", b"5"),
            log.append(topics.EVENTS, "good", "test", b"6"),
            return_exceptions=True,
        )
        assert [isinstance(r, ValueError) for r in results] == [False, True, True, True, True, False]
        assert [r.value for r in await all_of(log, 0)] == [b"1", b"6"]

    run(LocalLog(tmp_path / "log.sqlite", 1), test)


def test_a_failed_transaction_is_told_and_the_next_goes_well(tmp_path: Path) -> None:
    times: list[Any] = [1, None, 2]  # the clock stands for whatever may fail while writing

    async def test(log: LocalLog) -> None:
        await log.append(topics.EVENTS, "run", "test", b"1")
        with pytest.raises(LogUnavailable, match="could not be written"):
            await log.append(topics.EVENTS, "run", "test", b"2")
        assert (await log.append(topics.EVENTS, "run", "test", b"3")).offset == 1
        assert [r.value for r in await all_of(log, 0)] == [b"1", b"3"]

    run(LocalLog(tmp_path / "log.sqlite", 1, clock=lambda: times.pop(0)), test)


def test_a_slow_disk_is_unavailable_not_forever(tmp_path: Path) -> None:
    async def test(log: LocalLog) -> None:
        other = sqlite3.connect(log.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # holds up the writer
        with pytest.raises(LogUnavailable, match=r"did not acknowledge within 0\.05 s"):
            await log.append(topics.EVENTS, "run", "test", b"1")
        other.execute("ROLLBACK")
        other.close()
        position = await log.append(topics.EVENTS, "run", "test", b"2")
        # The first is there too: it was late, not lost.
        assert [r.value for r in await all_of(log, 0)][-1] == b"2"
        assert position.offset == 1

    run(LocalLog(tmp_path / "log.sqlite", 1, append_timeout_seconds=0.05), test)


def test_closed_is_unavailable(tmp_path: Path) -> None:
    log = LocalLog(tmp_path / "log.sqlite", 1)

    async def test() -> None:
        with pytest.raises(LogUnavailable, match="not open"):
            await log.append(topics.EVENTS, "run", "test", b"x")
        await log.start()
        await log.stop()
        await log.stop()
        with pytest.raises(LogUnavailable, match="not open"):
            await log.append(topics.EVENTS, "run", "test", b"x")
        with pytest.raises(LogUnavailable, match="not open"):
            await log.bounds(topics.EVENTS)

    asyncio.run(test())


def test_partitions_of_keys_are_for_ever() -> None:
    assert [partition_of(f"run-{n}", 4) for n in range(8)] == [1, 3, 1, 3, 0, 2, 0, 2]


@given(st.dictionaries(st.integers(0, 20), st.integers(-3, 50)), st.integers(1, 100))
def test_fair_share(available: dict[int, int], most: int) -> None:
    share = fair_share(available, most)
    there = {partition: count for partition, count in available.items() if count > 0}
    assert sum(share.values()) == min(most, sum(there.values()))
    assert all(0 < count <= there[partition] for partition, count in share.items())
    left_over = [share.get(partition, 0) for partition in there if share.get(partition, 0) < there[partition]]
    if left_over:  # who gets less than there is gets as much as anybody, give or take one
        assert max(share.values()) - min(left_over) <= 1


_KEYS = st.text(max_size=8).filter(lambda text: text.isprintable())
_APPENDS = st.lists(
    st.tuples(
        st.sampled_from(topics.ALL),
        _KEYS,
        st.binary(max_size=300),
        st.none() | st.integers(0, 2),
        st.integers(0, 99),
    ),
    max_size=12,
)
_COMMITS = st.dictionaries(st.integers(0, 2), st.integers(0, 20), max_size=3)
_STEPS = st.lists(st.one_of(_APPENDS, _COMMITS, st.just("reopen")), max_size=10)


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_STEPS)
def test_against_a_model(steps: list[Any]) -> None:
    """Lists are the model: concurrent appends, commits and restarts in any order give what lists would."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_follow(Path(folder) / "log.sqlite", steps))


async def _follow(path: Path, steps: list[Any]) -> None:
    clock = [0]
    model: dict[tuple[str, int], list[tuple[str, bytes]]] = {}
    committed: dict[int, int] = {}
    log = LocalLog(path, 3, clock=lambda: clock[0])
    await log.start()
    for step in steps:
        if step == "reopen":
            await log.stop()
            log = LocalLog(path, 3, clock=lambda: clock[0])
            await log.start()
        elif isinstance(step, dict):
            await log.commit("readers", topics.EVENTS, step)
            committed |= step
        else:
            appends = []
            expected = []
            for topic, key, value, wanted, now in step:
                clock[0] = now
                partition = partition_of(key, 3) if wanted is None else wanted
                stream = model.setdefault((topic, partition), [])
                expected.append((partition, len(stream)))
                stream.append((key, value))
                appends.append(log.append(topic, key, "test", value, wanted))
            done = await asyncio.gather(*appends)
            assert [(position.partition, position.offset) for position in done] == expected
    for topic in topics.ALL:
        bounds = await log.bounds(topic)
        for partition in range(3):
            stream = model.get((topic, partition), [])
            assert bounds[partition] == Bounds(0, len(stream))
            records = [r async for chunk in log.read(topic, partition, 0, len(stream)) for r in chunk]
            assert [(r.offset, r.key, r.value) for r in records] == [(n, *x) for n, x in enumerate(stream)]
            assert [r.appended_at for r in records] == sorted(r.appended_at for r in records)
            assert await log.take(topic, {partition: 0}, len(stream) or 1, 0) == records
    assert await log.committed("readers", topics.EVENTS) == committed
    await log.stop()
