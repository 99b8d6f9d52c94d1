"""The services that the other tests stand on do start, answer, and keep their data."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import clickhouse_connect
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.support.services import cache
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.services.kafka import KafkaBroker
from tests.support.services.nextflow import run_pipeline

TWO_TASKS = """
process say {
  input: val x
  output: stdout
  script: "echo $x"
}
workflow { say(Channel.of(1, 2)) }
"""

ONE_RETRY = """
process flaky {
  errorStrategy 'retry'
  script: "[ $task.attempt -gt 1 ]"
}
workflow { flaky() }
"""


@pytest.mark.parametrize("part", [cache.kafka_classpath, cache.nextflow_classpath, cache.clickhouse_library])
def test_a_missing_part_fails_and_says_what_to_do(
    part: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRACKER_DEV_CACHE", str(tmp_path))
    assert callable(part)
    with pytest.raises(cache.MissingPart, match="run `make services`"):
        part()


async def make_topic(broker: KafkaBroker, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    try:
        config = {"message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(topic, 1, 1, topic_configs=config)])
    finally:
        await admin.close()


async def produce(broker: KafkaBroker, topic: str, value: bytes) -> int:
    """Returns the type of the record's time: 1 is LogAppendTime."""
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        record = await producer.send_and_wait(topic, value, timestamp_ms=1)
        return int(record.timestamp_type)
    finally:
        await producer.stop()


async def consume(broker: KafkaBroker, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.kafka
def test_kafka_keeps_what_it_acknowledged_after_kill_9(tmp_path: Path) -> None:
    with KafkaBroker(tmp_path / "kafka") as broker:
        asyncio.run(make_topic(broker, "smoke"))
        assert asyncio.run(produce(broker, "smoke", b"before")) == 1
        broker.kill()
        broker.start()
        asyncio.run(produce(broker, "smoke", b"after"))
        assert asyncio.run(asyncio.wait_for(consume(broker, "smoke", 2), 30)) == [b"before", b"after"]


def test_the_shared_kafka_answers(kafka_broker: KafkaBroker) -> None:
    asyncio.run(make_topic(kafka_broker, "smoke"))
    asyncio.run(produce(kafka_broker, "smoke", b"hello"))
    assert asyncio.run(asyncio.wait_for(consume(kafka_broker, "smoke", 1), 30)) == [b"hello"]


def rows(server: ClickHouseServer) -> list[int]:
    client = clickhouse_connect.get_client(dsn=server.url)
    try:
        return [row[0] for row in client.query("SELECT n FROM smoke ORDER BY n").result_rows]
    finally:
        client.close()


def insert(server: ClickHouseServer, n: int) -> None:
    client = clickhouse_connect.get_client(dsn=server.url)
    client.insert("smoke", [[n]], column_names=["n"])
    client.close()


@pytest.mark.clickhouse
def test_clickhouse_keeps_its_rows_after_a_restart_and_after_kill_9(tmp_path: Path) -> None:
    with ClickHouseServer(tmp_path / "clickhouse") as server:
        client = clickhouse_connect.get_client(host=server.host, port=server.port)
        client.command("CREATE DATABASE tracker")
        client.command("CREATE TABLE tracker.smoke (n UInt32) ENGINE = MergeTree ORDER BY n")
        client.close()
        insert(server, 1)
        server.restart()
        assert rows(server) == [1]
        insert(server, 2)
        server.kill()
        server.start()
        assert rows(server) == [1, 2]


def test_the_shared_clickhouse_answers(clickhouse_server: ClickHouseServer) -> None:
    client = clickhouse_connect.get_client(host=clickhouse_server.host, port=clickhouse_server.port)
    assert client.command("SELECT version()") == client.server_version
    client.close()


@contextmanager
def weblog_receiver() -> Iterator[tuple[str, list[str]]]:
    """An address for -with-weblog, and the events that arrive there."""
    events: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            events.append(json.loads(body)["event"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/weblog", events
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.nextflow
def test_nextflow_runs_reports_and_keeps_its_trace(tmp_path: Path) -> None:
    with weblog_receiver() as (address, events):
        finished = run_pipeline(TWO_TASKS, tmp_path, weblog=address)
    assert finished.exit_code == 0, finished.output
    assert [row["status"] for row in finished.trace] == ["COMPLETED", "COMPLETED"]
    task_events = ["process_submitted", "process_started", "process_completed"] * 2
    assert sorted(events) == sorted(["started", *task_events, "completed"])

    resumed = run_pipeline(TWO_TASKS, tmp_path, arguments=("-resume",))
    assert [row["status"] for row in resumed.trace] == ["CACHED", "CACHED"], resumed.output


@pytest.mark.nextflow
def test_nextflow_retries_a_task_that_fails(tmp_path: Path) -> None:
    finished = run_pipeline(ONE_RETRY, tmp_path)
    assert finished.exit_code == 0, finished.output
    assert [(row["status"], row["attempt"]) for row in finished.trace] == [
        ("FAILED", "1"),
        ("COMPLETED", "2"),
    ]
