"""SIGTERM while a request is under way: it is answered, what was answered is kept, and the port is closed then."""

import json
import socket
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.stacks.client import Client, Reader, until
from tests.support.stacks.stack import INSTALLED, EmbeddedStack

_BODY = json.dumps({"runName": "last_words", "sessionId": "s", "instant": 1_795_546_905_000}).encode()


def test_a_request_that_was_begun_is_answered_and_kept(tmp_path: Path) -> None:
    started = EmbeddedStack(tmp_path)
    started.up.program = INSTALLED
    with started as stack, socket.create_connection(_address(stack.up.url)) as wire:
        head = f"POST /trace/create HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer any\r\nContent-Length: {len(_BODY)}\r\n\r\n"
        wire.sendall(head.encode() + _BODY[:10])
        with ThreadPoolExecutor() as pool, wire.makefile("rb") as answer:
            until("the head was read", lambda: not _answers(stack.up.url))
            stopping = pool.submit(stack.up.stop)
            until("it takes no more connections", lambda: _answers(stack.up.url))
            wire.sendall(_BODY[10:])
            assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
            assert stopping.result() == 0
        stack.up.start()
        with Reader(stack.api_url) as reader:
            until("the run is shown", lambda: not reader.get("/runs?search=last_words")["runs"])


def _answers(url: str) -> bool:
    try:
        with Client(url) as client:
            return client.request("GET", "/livez").status == 200
    except OSError:
        return False


def _address(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url)
    return parts.hostname or "", parts.port or 0
