"""Measures how long the event loop was held up: what holds it holds up everybody's answers."""

import asyncio
import time

from schemas.metrics import LOOP_HELD, LOOP_LAG

#: Between two looks (s).
EVERY_SECONDS = 0.05


async def measure() -> None:
    """Look again and again, until cancelled: how late the look comes, and how much of its own CPU the loop used until then."""
    loop = asyncio.get_running_loop()
    while True:
        due, used = loop.time() + EVERY_SECONDS, time.thread_time()
        await asyncio.sleep(EVERY_SECONDS)
        LOOP_LAG.observe(max(0.0, loop.time() - due))
        LOOP_HELD.observe(max(0.0, time.thread_time() - used - EVERY_SECONDS))
