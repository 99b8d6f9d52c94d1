"""A real ClickHouse server over HTTP, with its data in a folder.

The engine comes as a library from npm; clickhouse_launcher.py runs it in a process of its own.
"""

import http.client
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.services import cache
from tests.support.services.process import Child, free_port

_LAUNCHER = Path(__file__).with_name("clickhouse_launcher.py")
_READY_TIMEOUT = 60.0


class ClickHouseServer:
    """start() is back when the server answers; kill() is kill -9; restart() keeps port and data."""

    host = "127.0.0.1"

    def __init__(self, directory: Path, port: int | None = None) -> None:
        self.directory = directory
        self.port = port or free_port()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """What TRACKER_CLICKHOUSE takes. The database is made by `tracker migrate`, not here."""
        return self.database_url("tracker")

    def database_url(self, database: str) -> str:
        return f"http://default@{self.host}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """Of the running server."""
        if self._child is None:
            raise RuntimeError("the server was not started")
        return self._child.pid

    def start(self) -> Self:
        if self._child is not None and self._child.exit_code() is None:
            return self
        self.directory.mkdir(parents=True, exist_ok=True)
        library = str(cache.clickhouse_library())
        command = [sys.executable, str(_LAUNCHER), library, str(self.directory), str(self.port)]
        self._child = Child(command, self.directory / "server.log")
        self._child.wait_until(self._answers, f"ClickHouse on port {self.port}", _READY_TIMEOUT)
        return self

    def stop(self) -> None:
        if self._child is not None:
            self._child.terminate()
            self._child = None

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def pause(self) -> None:
        """SIGSTOP."""
        if self._child is not None:
            self._child.pause()

    def resume(self) -> None:
        if self._child is not None:
            self._child.resume()

    def restart(self) -> None:
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
