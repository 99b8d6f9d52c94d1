"""The limit beside which the scaled stack stands: the same task records from aiokafka straight into INSERT … FORMAT JSONEachRow.

Nothing is decided, deduplicated or counted: whoever keeps records in ClickHouse that come through Kafka, in Python, is no
faster. And ClickHouse's own part of it: the same rows into a table that keeps nothing.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from bench.load import RECORDS, bodies
from ingest import message, tower
from ingest.request import Request
from schemas.statuses import Dialect
from schemas.wire import decode
from stores.log import kafka_clients
from stores.tables.client import Tables
from stores.tables.migrate import migrate
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.services.kafka import KafkaBroker

_TOPIC = "bench.limit"
_MESSAGES = 1_500
_BODIES = 50
#: As the projector's batches are at full load.
_MESSAGES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Limit:
    """Task records a second: through Kafka into ClickHouse, and parsed by ClickHouse alone."""

    through: float
    parsed: float


def limit(folder: Path, kind: str) -> Limit:
    """Measure it on a Kafka and a ClickHouse of its own."""
    values = rows_of(kind)
    with KafkaBroker(folder / "kafka") as broker, ClickHouseServer(folder / "clickhouse") as server:
        tables = Tables(server.url, folder)
        try:
            migrate(tables)
            tables.command("CREATE TABLE kept_nowhere AS tasks ENGINE = Null")
            through = asyncio.run(_through(broker.bootstrap, values, tables))
            began = time.monotonic()
            for start in range(0, _MESSAGES, _MESSAGES_AT_ONCE):
                tables.insert("kept_nowhere", b"\n".join(_some(values, start)))
            parsed = time.monotonic() - began
        finally:
            tables.close()
    told = _MESSAGES * RECORDS
    return Limit(told / through, told / parsed)


def rows_of(kind: str) -> list[bytes]:
    """The rows of some requests, as ingest appends them and the projector inserts them."""
    made = []
    for body in bodies(_BODIES, RECORDS, kind):
        request = Request("bench", "progress", body, "", time.time_ns() // 1_000_000, "bench")
        appended = message.message_of(request, tower.read, "PUT /", Dialect.TOWER, 2**25)
        made.append(decode(appended.value)[1])
    return made


def _some(values: Sequence[bytes], start: int) -> list[bytes]:
    return [values[n % len(values)] for n in range(start, min(start + _MESSAGES_AT_ONCE, _MESSAGES))]


async def _through(bootstrap: str, values: Sequence[bytes], tables: Tables) -> float:
    """Seconds from the first message that is asked for to the last row that is written; the messages wait on the log."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(_TOPIC, num_partitions=2, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await kafka_clients.start(producer)
    try:
        for start in range(0, _MESSAGES, _MESSAGES_AT_ONCE):
            await asyncio.gather(*[await producer.send(_TOPIC, value) for value in _some(values, start)])
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(_TOPIC, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await kafka_clients.start(consumer)
    try:
        began, left = time.monotonic(), _MESSAGES
        while left:
            found = await consumer.getmany(timeout_ms=1_000, max_records=_MESSAGES_AT_ONCE)
            if rows := [record.value for records in found.values() for record in records]:
                await asyncio.to_thread(tables.insert, "tasks", b"\n".join(rows))
                left -= len(rows)
        return time.monotonic() - began
    finally:
        await kafka_clients.close_consumer(consumer)
