"""Snakemake reports to a Run Tracker: `snakemake --logger runtracker`.

The handler only turns records into events and puts them into an outbox; a thread of its own delivers them. So a tracker that is
slow or away delays no job, and the end of Snakemake by 5 s at most.
"""

import logging
import sys
import time
from dataclasses import dataclass, field

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from .benchmarks import benchmark_figures
from .delivery import Event, Sender
from .logs import end_of_log
from .workflow import WorkflowRun

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    url: str = field(
        default=DEFAULT_URL,
        metadata={"help": "Address of the Run Tracker", "env_var": True, "required": False, "type": str},
    )
    token: str = field(
        default="",
        metadata={
            "help": "Token for it, if it wants one; best set in the environment",
            "env_var": True,
            "required": False,
            "type": str,
        },
    )
    run_name: str = field(
        default="",
        metadata={
            "help": "Name of the run; default: made of the workflow's folder",
            "env_var": True,
            "required": False,
            "type": str,
        },
    )
    close_seconds: float = field(
        default=5.0,
        metadata={
            "help": "So long may the end of Snakemake wait for the delivery of what is left",
            "env_var": True,
            "required": False,
            "type": float,
        },
    )


class LogHandler(LogHandlerBase):
    """Snakemake calls `emit` in a thread of its own, and `close` twice. Neither may raise: Snakemake would say no more to us."""

    def __post_init__(self) -> None:
        settings = self.settings if isinstance(self.settings, LogHandlerSettings) else LogHandlerSettings()
        self._url = settings.url or DEFAULT_URL
        self._close_seconds = settings.close_seconds
        self._run = WorkflowRun(benchmark_figures, end_of_log, settings.run_name or "")
        self._sender = Sender(self._url, settings.token or "", self._heartbeat)
        self._trouble = ""
        self._is_closed = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if not self.common_settings.dryrun:
                for event in self._run.on(vars(record)):
                    self._sender.put(event)
        except Exception as e:  # whatever a later Snakemake says: its run goes on
            self._trouble = self._trouble or f"{type(e).__name__}: {e}"

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            try:
                self._end()
            except Exception as e:
                self._say(f"{type(e).__name__}: {e}")
        super().close()

    def _heartbeat(self) -> Event:
        self.acquire()  # as `handle` does around `emit`: this is called by the sender's thread
        try:
            return self._run.heartbeat(_now())
        finally:
            self.release()

    def _end(self) -> None:
        for event in self._run.end(_now()):
            self._sender.put(event)
        undelivered = self._sender.close(self._close_seconds)
        if undelivered:
            why = f": {self._sender.problem}" if self._sender.problem else ""
            self._say(f"{undelivered} events of this run were not delivered to {self._url}{why}")
        if self._trouble:
            self._say(f"a record of Snakemake was not understood, {self._trouble}")

    def _say(self, text: str) -> None:
        print(f"runtracker: {text}", file=sys.stderr)

    @property
    def writes_to_stream(self) -> bool:
        return False

    @property
    def writes_to_file(self) -> bool:
        return False

    @property
    def has_filter(self) -> bool:
        """True: Snakemake's own filter would keep ends of jobs from us under `--quiet`."""
        return True

    @property
    def has_formatter(self) -> bool:
        return True

    @property
    def needs_rulegraph(self) -> bool:
        return False


def _now() -> int:
    return round(time.time() * 1000)
