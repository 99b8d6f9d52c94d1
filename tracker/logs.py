"""Logs: text on a terminal, JSON lines elsewhere."""

import logging
import sys

import structlog

from schemas.settings import Settings

#: Libraries that say the same many times a second while Kafka or ClickHouse is away.
_LIBRARIES = ("aiokafka", "kafka", "clickhouse_connect", "urllib3", "faust", "mode")
_REPEAT_SECONDS = 10.0


class Repeats(logging.Filter):
    """Of what a library says again and again, one line in ten seconds, which tells how many were left out.

    Measured: a Faust worker whose broker is away writes 150 lines a second. What we say ourselves is never left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Judges by the record's own time."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        key = (record.name, record.levelno, str(record.msg))
        since, left_out = self._last.get(key, (float("-inf"), 0))
        if record.created - since < _REPEAT_SECONDS:
            self._last[key] = (since, left_out + 1)
            return False
        self._last[key] = (record.created, 0)
        if left_out:
            record.msg, record.args = f"{record.getMessage()} (and {left_out} more like it)", None
        if len(self._last) > 1000:  # messages that were not made from a template
            self._last = {k: v for k, v in self._last.items() if record.created - v[0] < _REPEAT_SECONDS}
        return True


def configure(settings: Settings) -> None:
    """Send our logs, and those of the libraries, to standard error."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.dev.ConsoleRenderer() if text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repeats())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("uvicorn.access", *_LIBRARIES):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
