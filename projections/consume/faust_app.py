"""The Faust app of a worker, configured so that it loses no message. Each setting was measured (see the architecture)."""

from pathlib import Path

import faust

from schemas.settings import Settings

#: Messages and bytes that are taken from the broker at once. A single message may be larger, and is taken alone.
_POLL_RECORDS = 50
_FETCH_BYTES = 4 * 2**20


def new_app(settings: Settings, group: str, scratch: Path, batch: int) -> faust.App:
    """A Faust app of this consumer group, for an agent that takes `batch` messages at once.

    Faust wants a folder, `scratch`, but keeps nothing in it.
    """
    return faust.App(
        settings.topic_prefix + group,
        broker=f"aiokafka://{settings.kafka_bootstrap}",
        store="memory://",
        datadir=str(scratch),
        key_serializer="raw",
        value_serializer="raw",
        agent_supervisor="mode.supervisors:CrashingSupervisor",
        broker_max_poll_interval=7
        * 24
        * 3600.0,  # above any outage of ClickHouse: past it the worker would leave for good
        broker_session_timeout=10.0,
        broker_heartbeat_interval=2.0,
        broker_commit_interval=1.0,
        broker_max_poll_records=_POLL_RECORDS,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=_FETCH_BYTES,
        stream_buffer_maxsize=2 * batch,
        stream_wait_empty=True,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
