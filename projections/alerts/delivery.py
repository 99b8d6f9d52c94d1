"""Sends one message: an HTTP POST that connects only to an address that was checked, follows nothing and ends in time.

The smallest client that does this: the usual ones resolve the name once more by themselves when they connect, and a name may
then lead elsewhere.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from projections.alerts.addresses import check_url, refusal

#: From the first look-up to the last byte of the answer's head.
TIMEOUT_SECONDS = 10.0
_HEAD_BYTES = 64 * 1024
_MOST_ADDRESSES = 4
_RETRY_AFTER_MOST = 3600.0

#: Look-ups block. In threads of their own they cannot keep the projector from a thread.
_looking_up = ThreadPoolExecutor(2, thread_name_prefix="alert-dns")

#: (host, port) → the addresses of the host.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a message. `status` is 0 without an answer; `wait`: seconds that the receiver asks us to wait."""

    status: int
    detail: str = ""
    wait: float | None = None

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300

    @property
    def blames_message(self) -> bool:
        """Whether the receiver refuses this message rather than any: others need not wait for it."""
        return 400 <= self.status < 500 and self.status not in (408, 425, 429)


async def resolve(host: str, port: int) -> Sequence[str]:
    """Addresses of a host, each once. Raises OSError."""
    loop = asyncio.get_running_loop()

    def look_up() -> list[str]:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    return await loop.run_in_executor(_looking_up, look_up)


async def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allow_private: bool,
    now: Callable[[], int],
    resolve: Resolve = resolve,
    timeout: float = TIMEOUT_SECONDS,
) -> Answer:
    """Send the body; never raises for what the receiver or the network does. `now` (ms) reads a Retry-After that is a date."""
    try:
        parts = check_url(url, allow_private)
        async with asyncio.timeout(timeout):
            host, secure = parts.hostname or "", parts.scheme == "https"
            port = parts.port or (443 if secure else 80)
            addresses = await resolve(host, port)
            for address in addresses:
                if why := refusal(address, allow_private):
                    return Answer(0, f"{host} leads to {why}" if why.startswith(address) else why)
            reader, writer = await _connect(addresses, port, host if secure else None)
            try:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                writer.write(_request(parts.netloc, path, headers, body))
                await writer.drain()
                return await _answer(reader, now())
            finally:
                writer.transport.abort()  # nobody waits for a receiver that will not close
    except TimeoutError:
        return Answer(0, f"no answer within {timeout:g} s")
    except (OSError, ssl.SSLError, ValueError, EOFError) as e:
        return Answer(0, f"{type(e).__name__}: {e}"[:300])


async def _connect(
    addresses: Sequence[str], port: int, secure_name: str | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    failure: OSError = OSError("the name has no address")
    for address in addresses[:_MOST_ADDRESSES]:
        try:
            return await asyncio.open_connection(
                address,
                port,
                limit=_HEAD_BYTES,
                ssl=ssl.create_default_context() if secure_name else None,
                server_hostname=secure_name,
            )
        except OSError as e:
            failure = e
    raise failure


def _request(host: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    every = {"Host": host, "Content-Length": str(len(body)), "Connection": "close", **headers}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in every.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header holds a line break")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body


async def _answer(reader: asyncio.StreamReader, now_ms: int) -> Answer:
    """The answer's status, after any that are only interim. Its body tells us nothing."""
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.LimitOverrunError as e:
            raise ValueError("the answer's head is too long") from e
        found = re.match(r"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r\n", head)
        if not found:
            raise ValueError("the answer is not HTTP")
        status = int(found[1])
        if status >= 200:
            break
    wait = re.search(r"^retry-after:[ \t]*([^\r\n]*?)[ \t]*\r?$", head, re.IGNORECASE | re.MULTILINE)
    reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "an unknown status"
    return Answer(status, f"{status} {reason}", retry_after(wait[1], now_ms) if wait else None)


def retry_after(value: str, now_ms: int) -> float | None:
    """Seconds to wait, by a number or a date, at most an hour; None for what is neither. Pure."""
    if re.fullmatch(r"\d{1,9}", value):
        return min(float(value), _RETRY_AFTER_MOST)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return min(max(0.0, at.timestamp() - now_ms / 1000), _RETRY_AFTER_MOST)
