"""Which log the settings ask for."""

from schemas.settings import Settings
from stores.log.kafka import KafkaLog
from stores.log.local import LocalLog
from stores.log.port import EventLog

LOCAL_LOG_FILE = "log.sqlite"


def open_log(settings: Settings, *, read_only: bool = False) -> EventLog:
    """The log, not yet started. `read_only` lets the local file be read beside the process that writes it."""
    bootstrap = settings.kafka_bootstrap
    if bootstrap is None:
        return LocalLog(
            settings.data / LOCAL_LOG_FILE,
            settings.log_partitions,
            read_only=read_only,
            append_timeout_seconds=settings.append_timeout_seconds,
        )
    # Twice the body: one that could not be read travels as base64, with an envelope around it.
    return KafkaLog(
        bootstrap,
        settings.replication_factor,
        settings.append_timeout_seconds,
        max_message_bytes=2 * settings.max_body_bytes,
        prefix=settings.topic_prefix,
    )
