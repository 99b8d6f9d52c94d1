"""Clients that are slow on purpose: each wait ends, and those that are only slow are served."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from stores.http_server import BoundedProtocol, protocol
from tests.support.progress import Patience

#: Longer than any wait of Quick, shorter than those of the server as it is.
PATIENCE = 10.0


class Quick(BoundedProtocol):
    """All waits are short."""

    head_seconds = 0.5
    head_bytes = 4096
    body_seconds = 0.5
    body_bytes = 64
    answer_seconds = 0.5
    most_connections = 8


async def echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def much(_: Request) -> Response:
    return Response(b"x" * 50_000_000)


@contextmanager
def serving(kind: type[BoundedProtocol]) -> Iterator[int]:
    """The port of a server with this protocol."""
    app = Starlette(routes=[Route("/", echo, methods=["GET", "POST"]), Route("/much", much)])
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=kind, ws="none", log_config=None, timeout_keep_alive=60)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    patience = Patience(PATIENCE)
    while not server.started:
        assert thread.is_alive() and patience.left()
        thread.join(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(Quick) as number:
        yield number


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)


def ended(connection: socket.socket) -> bytes:
    """What comes until the server closes; a timeout of the socket fails the test."""
    told = b""
    try:
        while chunk := connection.recv(65_536):
            told += chunk
    except ConnectionResetError:
        pass
    return told


Trickle = Callable[[socket.socket], None]


def nothing(_: socket.socket) -> None: ...


def half_a_head(connection: socket.socket) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-A: ")


def half_a_body(connection: socket.socket) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab")


def chunks_without_end(connection: socket.socket) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")


def line_ends(connection: socket.socket) -> None:
    connection.sendall(b"\r\n\r\n")


def second_half_a_head(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTT")


def line_ends_after_a_request(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
    connection.sendall(b"\r\n")


@pytest.mark.parametrize(
    "say",
    [
        nothing,
        half_a_head,
        half_a_body,
        chunks_without_end,
        line_ends,
        second_half_a_head,
        line_ends_after_a_request,
    ],
)
def test_who_stops_in_the_middle_is_cut_off(port: int, say: Trickle) -> None:
    with connect(port) as connection:
        say(connection)
        assert b"HTTP/1.1 408" not in ended(connection), "a runner would not try again"


@pytest.mark.parametrize(
    "begin",
    [b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n"],
)
def test_who_sends_byte_by_byte_is_cut_off(port: int, begin: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(begin)
        patience, cut = Patience(PATIENCE), False
        connection.settimeout(0.05)  # so long it waits between two bytes
        while not cut and patience.left():
            try:
                connection.sendall(b"a")
                cut = connection.recv(1) == b""
            except TimeoutError:
                pass
            except (ConnectionResetError, BrokenPipeError):
                cut = True
        assert cut


def test_a_head_has_an_end(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X-A: " + b"a" * 5000)
        assert ended(connection) == b""


def test_a_slow_body_that_comes_is_served(port: int) -> None:
    """At 40 bytes every 0.1 s it takes four times as long as nothing may last."""
    with connect(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 800\r\n\r\n")
        connection.settimeout(0.1)
        for _ in range(20):
            connection.sendall(b"b" * 40)
            with pytest.raises(TimeoutError):
                connection.recv(1)
            if _ == 18:
                break
        connection.settimeout(PATIENCE)
        connection.sendall(b"b" * 40)
        assert ended(connection).endswith(b"800")


def test_a_large_body_with_a_large_head_before_it_is_served(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: " + b"a" * 3000 + b"\r\n"
    with connect(port) as connection:
        connection.sendall(head + b"Content-Length: 3000000\r\n\r\n" + b"b" * 3_000_000)
        assert ended(connection).endswith(b"3000000")


def test_a_connection_lives_on_between_requests(port: int) -> None:
    """Runners are silent for a minute between heartbeats: only `timeout_keep_alive` ends that."""
    with connect(port) as connection:
        for _ in range(3):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na")
            assert b"200 OK" in connection.recv(65_536)
            connection.settimeout(1.0)  # twice as long as a head or a body may take
            with pytest.raises(TimeoutError):
                connection.recv(1)
            connection.settimeout(PATIENCE)


def test_who_does_not_read_the_answer_is_cut_off(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.settimeout(1.5)
        with pytest.raises(TimeoutError):
            threading_wait(connection)
        connection.settimeout(PATIENCE)
        assert len(ended(connection)) < 50_000_000


def threading_wait(connection: socket.socket) -> None:
    """Wait as long as the socket's timeout without reading what comes."""
    if not threading.Event().wait(connection.gettimeout()):
        raise TimeoutError


def test_more_connections_than_allowed_are_closed_and_others_served(port: int) -> None:
    held = [connect(port) for _ in range(Quick.most_connections)]
    try:
        with connect(port) as one_more:
            assert ended(one_more) == b""
    finally:
        for connection in held:
            connection.close()
    patience = Patience(PATIENCE)
    while True:  # until the server has seen that they went
        with connect(port) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if b"200 OK" in ended(connection):
                break
        assert patience.left()


def test_connections_leave_descriptors_for_the_disk() -> None:
    import resource

    kind = protocol(100_000)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 16 <= kind.most_connections <= 100_000
    assert soft == resource.RLIM_INFINITY or kind.most_connections + 256 <= soft
    assert protocol(20).most_connections == 20
