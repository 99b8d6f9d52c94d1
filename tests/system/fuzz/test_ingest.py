"""A short round of fuzzing of ingest; its seed is fixed. `make fuzz` does the long ones, with new seeds."""

import asyncio
import threading
from dataclasses import replace
from random import Random

import pytest

from projections.consume import setup
from schemas.settings import Settings
from stores.log.port import Record
from stores.tables.client import Tables
from tests.support.log import MemoryLog
from tests.system.fuzz.ingest import Found, Target, Wrong, check, fuzz
from tests.system.fuzz.mutate import Input, mutated, seeds

SEED = 20261126


def test_no_input_makes_ingest_fail_hang_or_grow() -> None:
    found = fuzz(SEED, inputs=4_000)
    print(found)
    check(found)
    assert found.inputs == 4_000
    read = {
        "run.created",
        "run.begun",
        "tasks.changed",
        "run.heartbeat",
        "run.completed",
        "request.unreadable",
    }
    assert read <= set(found.types), "inputs are not so broken that none gets through"


def test_the_same_seed_makes_the_same_inputs() -> None:
    all_seeds = seeds()
    made = [[mutated(Random(f"{seed}/{n}"), all_seeds) for n in range(50)] for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    assert {i.method for i in made[0]} == {"PUT", "POST"}


def test_clickhouse_takes_whatever_ingest_puts_on_the_log(tables: Tables) -> None:
    """What ingest has validated no table refuses: then a whole batch would be halved again and again to find it."""
    target, all_seeds = Target(), seeds()
    records: list[Record] = []

    async def work() -> None:
        for n in range(1500):
            _, appended, _ = await target.try_one(mutated(Random(f"{SEED}/{n}"), all_seeds))
            records.extend(appended)

    asyncio.run(work())
    projector = setup.projector(tables, Settings(), lambda _topic, _messages: None, threading.Event())
    projector.assign([0])
    projector.project([replace(r, offset=n) for n, r in enumerate(records)])
    projector.refresh_all()
    refused = tables.rows("SELECT part, reason, type FROM dead_letters FINAL WHERE reason LIKE '%Code: %'")
    assert not refused, refused[:3]
    assert tables.value("SELECT count() FROM events FINAL") == len(records) > 700


@pytest.mark.parametrize("what", ["a 500", "a message that is no event", "a run that is ended", "a crash"])
def test_the_fuzzer_sees(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target()
    request = Input("POST", "/trace/create", b'{"sessionId":"s","runName":"n"}')

    async def status_of(_app: object, _what: Input) -> int:
        if what == "a crash":
            raise RuntimeError("boom")
        if what == "a message that is no event":
            await MemoryLog.append(target.log, "tracker.events", "k", "t", b"?")
        return {"a 500": 500, "a run that is ended": 400}.get(what, 200)

    monkeypatch.setattr("tests.system.fuzz.ingest.answer", status_of)
    with pytest.raises(Wrong, match=r"status 500|cannot read|would end a run|boom"):
        asyncio.run(target.try_one(request))


@pytest.mark.parametrize("found", [Found(1, slowest=1.5), Found(1, rss_early=1, rss_late=2**30)])
def test_the_fuzzer_sees_what_is_slow_or_grows(found: Found) -> None:
    with pytest.raises(Wrong, match=r"took 1\.50 s|memory grew"):
        check(found)
