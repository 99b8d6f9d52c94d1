"""Many who scrape at once cost as much as one, and no probe waits for them."""

import asyncio
import threading
from typing import Any, cast

import anyio
import httpx
from fastapi import FastAPI

from api.core import probes
from api.core.db import Reader, judge
from schemas.settings import Settings
from tests.support.api.stage import T0
from tests.support.log import MemoryLog


class HeldReader:
    """Counts what is asked of it, and answers when `answers` is set."""

    def __init__(self) -> None:
        self.now, self.asked = T0, 0
        self.answers = threading.Event()
        self.tables = self

    def clock(self) -> int:
        return self.now

    def ping(self) -> bool:
        return True

    def rows(self, query: str, **_: Any) -> list[Any]:
        self.asked += query == "core/live_runs"
        assert self.answers.wait(30)
        return []

    def judgement(self) -> Any:
        return judge([], self.now, Settings())


def test_scrapes_are_measured_one_at_a_time_and_probes_do_not_wait() -> None:
    reader, app = HeldReader(), FastAPI()
    app.include_router(probes.router(probes.TableProbes(cast("Reader", reader), MemoryLog())))

    async def work() -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1  # the one that reads the gauges
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://tracker") as client:
            first = asyncio.create_task(client.get("/metrics"))
            while not reader.asked:
                await asyncio.sleep(0)
            others = await asyncio.gather(*(client.get("/metrics") for _ in range(60)))
            assert {r.status_code for r in others} == {200}
            assert (await client.get("/readyz")).text == "ok\n"
            assert reader.asked == 1 and not first.done()
            reader.answers.set()
            assert (await first).status_code == 200
            reader.now += probes.METRICS_MS - 1
            await client.get("/metrics")
            assert reader.asked == 1
            reader.now += 1
            await client.get("/metrics")
            assert reader.asked == 2

    asyncio.run(asyncio.wait_for(work(), 60))
