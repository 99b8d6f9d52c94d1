"""The settings choose the log."""

import asyncio
from pathlib import Path

from schemas import topics
from schemas.settings import Settings
from stores.log.kafka import KafkaLog
from stores.log.local import LocalLog
from stores.log.open import open_log


def test_local_by_default_and_kafka_by_address(tmp_path: Path) -> None:
    local = open_log(Settings(data=tmp_path, partitions=3))
    assert isinstance(local, LocalLog)
    assert (local.path, local.partitions) == (tmp_path / "log.sqlite", 3)
    assert isinstance(open_log(Settings(log="kafka://one:9092,two:9092")), KafkaLog)


def test_read_only_reads_beside_the_writer(tmp_path: Path) -> None:
    async def test() -> None:
        writer = open_log(Settings(data=tmp_path))
        reader = open_log(Settings(data=tmp_path), read_only=True)
        await writer.start()
        await reader.start()
        await writer.append(topics.EVENTS, "run", "test", b"x")
        assert [r.value for r in await reader.take(topics.EVENTS, {0: 0}, 1, 10)] == [b"x"]
        await reader.stop()
        await writer.stop()

    asyncio.run(test())
