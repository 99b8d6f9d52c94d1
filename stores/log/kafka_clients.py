"""Starts and closes the clients of aiokafka, which do not always close by themselves."""

import asyncio
import logging
from typing import Any

from aiokafka.errors import KafkaError

_log = logging.getLogger(__name__)


async def start(client: Any) -> None:
    """Start it; what fails to start is stopped."""
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise


async def close_consumer(consumer: Any) -> None:
    """Close it, whatever it says. In an outage aiokafka's stop() lets the cancellation of its own fetch out, which would
    take the place of the error that we close for, and end a caller that waits for LogUnavailable."""
    stopping = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({stopping})
    if stopping.cancelled() or stopping.exception() is not None:
        _log.warning("a Kafka consumer did not close cleanly")
        await consumer._client.close()  # stop() did not come to it


async def close_producer(producer: Any, seconds: float) -> None:
    """Send what is left, for at most `seconds`: without brokers an idempotent producer never gives up."""
    stopping = asyncio.ensure_future(producer.stop())
    await asyncio.wait({stopping}, timeout=seconds)
    if not stopping.done():
        _log.warning("the Kafka producer is closed with messages that were not acknowledged")
        # aiokafka has no public way to give up: stop() goes on when its sender ends.
        producer._sender.sender_task.cancel()
        await asyncio.wait({stopping})
    producer._message_accumulator.fail_all(KafkaError("the producer was closed"))
    if (error := stopping.exception()) is not None:
        _log.warning("the Kafka producer did not close cleanly: %r", error)
