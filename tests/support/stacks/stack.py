"""Starts the tracker as users run it, in processes of its own, on free ports: embedded, and one process a stage."""

import http.client
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from tests.support.services import warm
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.services.kafka import KafkaBroker
from tests.support.services.process import Child, free_port

COMMAND = warm.TRACKER
#: As users start it, which a test run does not do elsewhere (see `warm`).
INSTALLED = [str(Path(sys.executable).with_name("tracker"))]
_READY_TIMEOUT = 60.0
_COMMAND_TIMEOUT = 120.0
PARTITIONS = 4


def environment(**settings: object) -> dict[str, str]:
    """Our environment, with these settings and no others: TRACKER_PORT is `port`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    return kept | {f"TRACKER_{name.upper()}": str(value) for name, value in settings.items()}


class Service:
    """One process of the tracker. It keeps its ports and its log over restarts.

    With `metrics_port` 0 in the settings, probes and metrics have one of their own.
    """

    def __init__(self, command: str, name: str, folder: Path, settings: Mapping[str, object]) -> None:
        self.name = name
        self.port = self.metrics_port = free_port()
        given = dict(settings)
        apart = given.pop("metrics_port", None) == 0
        ports = {"metrics_port": self.port}
        if command not in ("project", "archive", "collect"):  # those serve nothing else
            ports = {"port": self.port}
            if apart:
                ports["metrics_port"] = self.metrics_port = free_port()
        self.log = folder / f"{self.name}.log"
        self.program, self._command = COMMAND, command
        self._environment = environment(**{**ports, "data": folder / "data", **given})
        self._child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start the process without waiting for it."""
        self._child = Child([*self.program, self._command], self.log, env=self._environment)

    def wait_ready(self) -> Self:
        self._running.wait_until(self.ready, f"tracker {self.name}", _READY_TIMEOUT)
        return self

    def start(self) -> Self:
        self.begin()
        return self.wait_ready()

    def wait_until(self, holds: Callable[[], bool], what: str, timeout: float) -> None:
        """Ask again and again; fails at once when the process has ended."""
        self._running.wait_until(holds, what, timeout)

    def alive(self) -> bool:
        return self._child is not None and self._child.exit_code() is None

    def ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def stop(self, grace: float = 30) -> int:
        """SIGTERM; the exit code, which is -9 for a process that did not end within the grace."""
        code, self._child = self._running.terminate(grace), None
        return code

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def pause(self) -> None:
        """SIGSTOP."""
        self._running.pause()

    def resume(self) -> None:
        self._running.resume()

    def ended(self) -> int | None:
        """The exit code, if it was started and has ended by itself."""
        return None if self._child is None else self._child.exit_code()

    def last_lines(self, lines: int = 10) -> str:
        """The end of its log: what it said before it ended."""
        return _tail(self.log, lines)

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._child


def run_command(folder: Path, arguments: list[str], **settings: object) -> tuple[int, str]:
    """Run one command of the tracker to its end; its exit code and what it printed."""
    return _run_within(_COMMAND_TIMEOUT, folder, arguments, settings)


def _run_within(
    seconds: float, folder: Path, arguments: list[str], settings: Mapping[str, object]
) -> tuple[int, str]:
    log = folder / f"{arguments[0]}.log"
    log.unlink(missing_ok=True)
    child = Child([*COMMAND, *arguments], log, env=environment(**settings))
    try:
        code = child.wait(seconds)
    finally:
        child.kill()
    return code, log.read_text(errors="replace")


class Stack:
    """A running tracker: where runners send to (several addresses when scaled), and where readers ask."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.settings = settings
        folder.mkdir(parents=True, exist_ok=True)
        self.services: list[Service] = []

    @property
    def ingest_urls(self) -> list[str]:
        raise NotImplementedError

    @property
    def api_url(self) -> str:
        raise NotImplementedError

    def start(self) -> Self:
        raise NotImplementedError

    def stop(self) -> None:
        """Stop what runs, however it is."""
        for service in self.services:
            service.kill()

    def command(self, *arguments: str, seconds: float = _COMMAND_TIMEOUT) -> tuple[int, str]:
        """Run `tracker ARGUMENTS` with the settings of this stack."""
        return _run_within(
            seconds, self.folder, list(arguments), {"data": self.folder / "data"} | self.settings
        )

    @property
    def probe_urls(self) -> list[str]:
        """Where probes and metrics are, of all processes."""
        return [f"http://127.0.0.1:{service.metrics_port}" for service in self.services]

    def logs(self, lines: int = 40) -> str:
        """The end of each process's log."""
        found = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {f.name}\n{_tail(f, lines)}" for f in found)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class EmbeddedStack(Stack):
    """`tracker up`: everything in one process."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(folder, **settings)
        self.up = Service("up", "up", folder, settings)
        self.services = [self.up]

    @property
    def ingest_urls(self) -> list[str]:
        return [self.up.url]

    @property
    def api_url(self) -> str:
        return self.up.url

    def start(self) -> Self:
        self.up.start()
        return self


class ScaledStack(Stack):
    """Two processes of ingest, two Faust workers, one api; on a Kafka and a ClickHouse that are there."""

    def __init__(
        self, folder: Path, broker: KafkaBroker, server: ClickHouseServer, **settings: object
    ) -> None:
        self.broker, self.server = broker, server
        shared = {"log": f"kafka://{broker.bootstrap}", "clickhouse": server.url, "partitions": PARTITIONS}
        super().__init__(folder, **{**shared, **settings})
        self.api = Service("api", "api", folder, self.settings)
        linked = {"public_url": self.api.url, **self.settings}
        self.ingests = [Service("ingest", f"ingest-{n}", folder, linked) for n in (1, 2)]
        self.projectors = [Service("project", f"project-{n}", folder, self.settings) for n in (1, 2)]
        self.services = [self.api, *self.ingests, *self.projectors]

    @property
    def ingest_urls(self) -> list[str]:
        return [service.url for service in self.ingests]

    @property
    def api_url(self) -> str:
        return self.api.url

    def start(self) -> Self:
        code, output = self.command("migrate")
        if code:
            raise RuntimeError(f"tracker migrate ended with {code}:\n{output}")
        for service in self.services:
            service.begin()
        for service in self.services:
            service.wait_ready()
        return self


@contextmanager
def scaled(folder: Path, **settings: object) -> Iterator[ScaledStack]:
    """A scaled stack with a Kafka and a ClickHouse of its own, for one test module: topics have fixed names."""
    with ExitStack() as parts:
        broker = parts.enter_context(KafkaBroker(folder / "kafka"))
        server = parts.enter_context(ClickHouseServer(folder / "clickhouse"))
        yield parts.enter_context(ScaledStack(folder / "stack", broker, server, **settings))


def shared(request: pytest.FixtureRequest, folder: Path, **settings: object) -> ScaledStack:
    """A scaled stack on the session's Kafka and ClickHouse, with topics and a database of its own. Nobody may kill those two."""
    broker: KafkaBroker = request.getfixturevalue("kafka_broker")
    server: ClickHouseServer = request.getfixturevalue("clickhouse_server")
    name = re.sub(r"\W", "_", folder.name)
    own = {"topic_prefix": f"{name}.", "clickhouse": server.database_url(name)}
    return ScaledStack(folder, broker, server, **{**own, **settings})


def _tail(path: Path, lines: int) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
