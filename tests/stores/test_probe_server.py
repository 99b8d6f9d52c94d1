"""A port of its own answers while the process is busy, asks it one thing at a time, and says what is wrong."""

import asyncio
import http.client
import socket
import threading
from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response

from stores import probe_server
from stores.probe_server import MetricsText, ProbeServer


class Told:
    """What a process says of itself, and how often it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked, self.measured = error, 0, 0

    async def readiness(self) -> Response:
        self.asked += 1
        if self.error:
            raise self.error
        return PlainTextResponse("ok\n")

    async def measure(self) -> None:
        self.measured += 1
        if self.error:
            raise self.error


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def beside(told: Told, work: Callable[[int], Awaitable[None]]) -> None:
    """Does the work while the probes of its loop have a port of their own."""

    async def main() -> None:
        server = ProbeServer("127.0.0.1", 0, told, asyncio.get_running_loop())
        try:
            await work(server.start())
        finally:
            await asyncio.to_thread(server.stop)

    asyncio.run(asyncio.wait_for(main(), 120))


def test_it_answers_while_the_event_loop_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_server, "PATIENCE_SECONDS", 0.01)
    told, answers = Told(), dict[str, tuple[int, str]]()
    released = threading.Event()

    def probe(port: int) -> None:
        try:
            for path in ("/livez", "/metrics", "/readyz"):
                answers[path] = get(port, path)
        finally:
            released.set()

    async def work(port: int) -> None:
        thread = threading.Thread(target=probe, args=(port,))
        thread.start()
        assert released.wait(60), "no answer while the loop is held"  # it is held here
        thread.join()
        assert (told.asked, told.measured) == (0, 0)
        assert answers["/livez"] == (200, '{"status":"ok"}')
        assert answers["/metrics"][0] == 200 and "# HELP tracker_" in answers["/metrics"][1]
        assert answers["/readyz"][0] == 503 and "busy" in answers["/readyz"][1]
        monkeypatch.setattr(probe_server, "PATIENCE_SECONDS", 60)
        assert await asyncio.to_thread(get, port, "/readyz") == (200, "ok\n")

    beside(told, work)


def test_many_probes_ask_one_question() -> None:
    told, held = Told(), asyncio.Event()
    ask = told.readiness

    async def slow() -> Response:
        answer = await ask()
        await held.wait()
        return answer

    told.readiness = slow  # type: ignore[method-assign]
    app = Starlette(routes=ProbeServer("127.0.0.1", 0, told).routes())

    async def work() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tracker") as client:
            probing = asyncio.gather(*(client.get("/readyz") for _ in range(60)))
            while not told.asked:
                await asyncio.sleep(0)
            metrics = await asyncio.gather(*(client.get("/metrics") for _ in range(60)))
            assert {r.status_code for r in metrics} == {200} and not probing.done()
            held.set()
            assert {r.text for r in await probing} == {"ok\n"}
            assert told.asked == 1

    asyncio.run(asyncio.wait_for(work(), 60))


def test_what_cannot_be_told_is_not_ready_and_hides_no_metric() -> None:
    async def work(port: int) -> None:
        status, text = await asyncio.to_thread(get, port, "/readyz")
        assert status == 503 and "no answer to a ping" in text
        status, text = await asyncio.to_thread(get, port, "/metrics")
        assert status == 200 and "# HELP tracker_" in text

    beside(Told(ConnectionError("no answer to a ping")), work)


def test_a_port_that_is_taken_says_so() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        pytest.raises(OSError, match="TRACKER_METRICS_PORT"),
    ):
        ProbeServer("127.0.0.1", other.getsockname()[1], Told()).start()


def test_the_text_of_metrics_is_made_at_most_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    made, now = 0, 0

    def generate() -> bytes:
        nonlocal made
        made += 1
        return b"text"

    monkeypatch.setattr(probe_server, "generate_latest", generate)
    text = MetricsText(lambda: now)

    async def work() -> None:
        nonlocal now
        for moment in (0, 0, probe_server.TEXT_MS - 1, probe_server.TEXT_MS):
            now = moment
            for answer in await asyncio.gather(*(text.answer() for _ in range(60))):
                assert answer.body == b"text"

    asyncio.run(work())
    assert made == 2
