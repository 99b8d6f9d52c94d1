"""Replay from the archive makes the tables byte for byte again when the log has lost what is archived: local log and Kafka."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from projections.archive.archiver import Archiver
from projections.consume import setup
from projections.replay import compare, replay
from schemas.settings import Settings
from schemas.topics import EVENTS, PROJECTOR_GROUP
from stores.log.kafka import KafkaLog
from stores.log.local import LocalLog
from stores.log.port import EventLog, LogUnavailable, Record
from stores.s3.archive import Archive, ArchiveBroken, ArchivedLog
from stores.s3.client import S3Store
from stores.tables.client import Tables
from tests.support.archive import FOREVER, HOUR, PARTITIONS, fill, history
from tests.support.services.kafka import KafkaBroker
from tests.support.services.seaweed import SeaweedS3

pytestmark = pytest.mark.each_store

SETTINGS = Settings()
_NAMES = (f"replayed-{n}" for n in count())


@pytest.fixture
def store(s3: SeaweedS3) -> Iterator[S3Store]:
    bucket = next(_NAMES)
    s3.make_bucket(bucket)
    with_bucket = S3Store(bucket, s3.endpoint)
    yield with_bucket
    with_bucket.close()


async def project(log: EventLog, tables: Tables) -> None:
    """As live: all that the log holds, in batches, acknowledged."""
    projector = setup.projector(tables, SETTINGS, lambda _topic, _messages: None, threading.Event())
    projector.assign(range(PARTITIONS))
    bounds = await log.bounds(EVENTS)
    for partition, b in bounds.items():
        async for chunk in log.read(EVENTS, partition, b.first, b.end):
            projector.project(chunk)
    projector.refresh_all()
    await log.commit(PROJECTOR_GROUP, EVENTS, {p: b.end for p, b in bounds.items()})


async def rebuilt_alike(log: EventLog, archive: Archive, tables: Tables) -> None:
    """The tables, made again from the archive and the log, are the tables."""
    told: list[int] = []
    shadow = await replay.into_shadow(ArchivedLog(log, archive), tables, SETTINGS, told.append)
    assert sum(told) == sum(b.end for b in (await log.bounds(EVENTS)).values())
    assert compare.databases(tables, tables.database, shadow.database) == []
    assert tables.value("SELECT count() FROM dead_letters FINAL") == 8
    assert tables.value("SELECT count() FROM transitions FINAL") >= 8  # the first of each run, at least
    replay.exchange(tables, shadow)
    assert compare.databases(tables, tables.database, shadow.database) == []
    shadow.drop_database()
    shadow.close()


def test_from_the_archive_when_the_local_log_has_lost_its_head(
    tmp_path: Path, store: S3Store, tables: Tables
) -> None:
    path = tmp_path / "log.sqlite"
    now = [0]
    archive = Archive(store, "a/b")

    async def before() -> dict[int, int]:
        log = LocalLog(path, PARTITIONS, clock=lambda: now[0])
        await log.start()
        await fill(log, history(), lambda at: now.__setitem__(0, at))
        await project(log, tables)
        assert await Archiver(log, archive, lambda: now[0]).step() >= 3 * PARTITIONS
        ends = {p: (await archive.tail(await archive.segment_keys(p))).end for p in range(PARTITIONS)}
        await log.stop()
        return ends

    async def after(ends: dict[int, int]) -> None:
        log = LocalLog(path, PARTITIONS)
        await log.start()
        bounds = await log.bounds(EVENTS)
        assert {p: b.first for p, b in bounds.items()} == ends and all(
            b.end > b.first for b in bounds.values()
        )
        with pytest.raises(replay.ReplayRefused, match="replay --from archive"):
            await replay.into_shadow(log, tables, SETTINGS, lambda _: None)
        await rebuilt_alike(log, archive, tables)
        await log.stop()

    ends = asyncio.run(before())
    _cut(path, ends)
    asyncio.run(after(ends))
    _cut(path, {p: end + 1 for p, end in ends.items()})
    with pytest.raises(ArchiveBroken, match=f"offsets {ends[0]} to {ends[0]} are on neither"):
        asyncio.run(after_a_hole(path, archive, tables))


async def after_a_hole(path: Path, archive: Archive, tables: Tables) -> None:
    log = LocalLog(path, PARTITIONS)
    await log.start()
    try:
        await replay.into_shadow(ArchivedLog(log, archive), tables, SETTINGS, lambda _: None)
    finally:
        await log.stop()


def _cut(path: Path, before: dict[int, int]) -> None:
    """As a retention would: the messages before these offsets are gone."""
    connection = sqlite3.connect(path)
    for partition, offset in before.items():
        [(stream,)] = connection.execute(
            "SELECT id FROM streams WHERE topic = ? AND partition = ?", (EVENTS, partition)
        )
        connection.execute(
            "DELETE FROM records WHERE id >= ? AND id < ?", (stream << 40, (stream << 40) + offset)
        )
    connection.commit()
    connection.close()


def test_from_the_archive_when_kafka_has_deleted_what_is_archived(
    store: S3Store, kafka_broker: KafkaBroker, tables: Tables
) -> None:
    """Kafka's append times are now, so it is the wall clock of the archiver that ends the hour."""
    archive = Archive(store, "t")

    async def work(log: KafkaLog) -> None:
        await log.create_topics(PARTITIONS)
        records = history().records
        half = len(records) // 2
        archiver = Archiver(log, archive, lambda: FOREVER, trim=log, retention_ms=HOUR)
        await append(log, records[:half])
        assert await archiver.step() == PARTITIONS
        before = await log.bounds(EVENTS)
        assert all(b.first == 0 < b.end for b in before.values()), "nothing is projected yet"
        await append(log, records[half:])
        await project(log, tables)
        await archiver._delete_old(await log.bounds(EVENTS))
        bounds = await log.bounds(EVENTS)
        assert {p: b.first for p, b in bounds.items()} == {p: b.end for p, b in before.items()}
        assert all(b.end > b.first for b in bounds.values()), "what is not archived stays"
        with pytest.raises(LogUnavailable, match="OffsetOutOfRange"):
            [r async for r in log.read(EVENTS, 0, 0, 5)]
        with pytest.raises(replay.ReplayRefused, match="replay --from archive"):
            await replay.into_shadow(log, tables, SETTINGS, lambda _: None)
        await rebuilt_alike(log, archive, tables)

    async def main() -> None:
        log = KafkaLog(kafka_broker.bootstrap, 1, 20, 2**20, prefix=f"{next(_NAMES)}-")
        await log.start()
        try:
            await work(log)
        finally:
            await log.stop()

    asyncio.run(main())


async def append(log: EventLog, records: Sequence[Record]) -> None:
    await asyncio.gather(*(log.append(EVENTS, r.key, r.type, r.value, r.partition) for r in records))
