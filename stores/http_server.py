"""The HTTP server under every stage, with an end to each wait for a client.

Uvicorn's own protocol waits without end for the first byte, for the rest of a head or a body, and for a client that does not
read its answer, and takes a head of any length. Here each of these ends in a closed connection: a runner takes that for a
network fault and tries again, where an answer of 408 would have lost its batch.
"""

import asyncio
import resource
from typing import ClassVar, cast

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

#: Descriptors that are left to the log, the spool and the tables when connections take all others.
_KEPT_DESCRIPTORS = 256


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Seconds and bytes are of the class, so that a test may be quicker."""

    #: From the connection, or the first byte of a request, to the end of its head.
    head_seconds: ClassVar[float] = 30.0
    head_bytes: ClassVar[int] = 65_536
    #: In so many seconds at least so much of a body must come, or the rest of it.
    body_seconds: ClassVar[float] = 30.0
    body_bytes: ClassVar[int] = 16_384
    #: How long a client may take nothing of an answer.
    answer_seconds: ClassVar[float] = 60.0
    most_connections: ClassVar[int] = 4096

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._waiting: asyncio.TimerHandle | None = None  # for a head or a body
        self._answering: asyncio.TimerHandle | None = None
        self._in_head, self._head, self._body = True, 0, 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            transport.close()
            return
        self._wait(self.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        self._stop_answering()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._in_head and self._head > self.head_bytes:
            self.logger.warning("a head of more than %d bytes", self.head_bytes)
            self.transport.close()
        elif self._waiting is None and self._is_idle():  # line ends between two requests are no request
            self._wait(self.head_seconds)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._wait(self.head_seconds)

    def on_headers_complete(self) -> None:
        self._in_head, self._head, self._body = False, 0, 0
        self._wait(self.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head = 0
        self._wait(None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stop_answering()
        self._answering = self.loop.call_later(self.answer_seconds, self._give_up)

    def resume_writing(self) -> None:
        self._stop_answering()
        super().resume_writing()

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self, seconds: float | None) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
        self._waiting = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._waiting = None
        held_up = not self._in_head and (self.flow.read_paused or self._body >= self.body_bytes)
        if held_up:  # by us, who do not read on; or it comes, if slowly
            self._body = 0
            self._wait(self.body_seconds)
        else:
            self._give_up()

    def _stop_answering(self) -> None:
        if self._answering is not None:
            self._answering.cancel()
            self._answering = None

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.logger.info("closing a connection whose client is too slow")
            self.transport.abort()


def protocol(most_connections: int) -> type[BoundedProtocol]:
    """The protocol with at most so many connections, and fewer where the process may not open as many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    descriptors = most_connections + _KEPT_DESCRIPTORS
    if soft < descriptors and soft != resource.RLIM_INFINITY:
        soft = descriptors if hard == resource.RLIM_INFINITY else min(descriptors, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = most_connections if soft == resource.RLIM_INFINITY else max(16, soft - _KEPT_DESCRIPTORS)
    attributes = {"most_connections": min(most_connections, room)}
    return cast(type[BoundedProtocol], type("Bounded", (BoundedProtocol,), attributes))
