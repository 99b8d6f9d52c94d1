"""What people do becomes an event on the log: the only place of the api that appends one."""

import asyncio
from collections.abc import Callable
from hashlib import sha256

from starlette.concurrency import run_in_threadpool

from schemas.events import Event
from schemas.run_ids import log_key
from schemas.topics import EVENTS
from schemas.wire import encode
from stores.log.port import EventLog

#: How long a page waits for the tables to show what was done, and how often it looks (s).
VISIBLE_WITHIN, LOOK_EVERY = 3.0, 0.1


def event_id(*parts: str) -> str:
    """The id of an event that is made of these parts. Events of one id count once.

    Acts of people have the time among the parts: to do the same once more is another act.
    """
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


async def append(log: EventLog, key: str, event: Event) -> None:
    """Append the event; `key` is the id of the run or alert that it is about. Raises LogUnavailable."""
    await append_encoded(log, log_key(key), event.type, encode(event))


async def append_encoded(log: EventLog, key: str, event_type: str, value: bytes) -> None:
    """Append an event that is encoded already. Raises LogUnavailable."""
    await log.append(EVENTS, key, event_type, value)


async def until_visible(is_visible: Callable[[], bool]) -> None:
    """Wait a few seconds at most until the tables show what was done, for the page that comes next. `is_visible` may block."""
    for _ in range(int(VISIBLE_WITHIN / LOOK_EVERY)):
        if await run_in_threadpool(is_visible):
            return
        await asyncio.sleep(LOOK_EVERY)
