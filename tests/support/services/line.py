"""A line to a server that can go dead: what is sent over it is neither refused nor answered, as when the server hangs."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self


class Line:
    """Listens on a port of its own and passes bytes to the server's `port` and back; 0: to nobody, so that it is always dead.

    `heard`: all that clients sent. `connections`: how many they made.
    """

    def __init__(self, port: int = 0, dies_at: bytes | None = None) -> None:
        """`dies_at`: the line goes dead when a client sends these bytes, and keeps them until it is mended."""
        self.heard, self.connections = b"", 0
        self.died = threading.Event()
        self._dies_at = dies_at
        self._server = port
        self._alive = threading.Event()
        self._alive.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def mend(self) -> None:
        """It passes on what it kept, and whatever comes."""
        self._dies_at = None
        self._alive.set()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.mend()
        for end in (self._listener, *self._open):
            _hang_up(end)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # closed
            self.connections += 1
            self._open.append(client)
            if self._server:
                server = socket.create_connection(("127.0.0.1", self._server))
                self._open.append(server)
                self._start(self._pass, client, server, True)
                self._start(self._pass, server, client, False)

    def _pass(self, giver: socket.socket, taker: socket.socket, from_client: bool) -> None:
        with suppress(OSError):  # one side has hung up, so the other is told so too
            while data := giver.recv(65536):
                if from_client:
                    self.heard += data
                    if self._dies_at is not None and self._dies_at in self.heard:
                        self._alive.clear()
                        self.died.set()
                self._alive.wait()
                taker.sendall(data)
        _hang_up(taker)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):  # it never was connected, or is closed by now
        end.shutdown(socket.SHUT_RDWR)
    end.close()
