"""Memory of the Faust worker is bounded in bytes: what is read waits for what is not yet written."""

import asyncio
from types import SimpleNamespace
from typing import Any

import faust

from projections.consume.byte_budget import BudgetedSchema, ByteBudget


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_message_waits_until_enough_bytes_are_released() -> None:
    async def scene() -> list[bool]:
        budget = ByteBudget(100)
        await budget.acquire(60)
        second = asyncio.create_task(budget.acquire(50))
        await settle()
        seen = [second.done()]
        budget.release(5)
        await settle()
        seen.append(second.done())
        budget.release(55)
        await settle()
        return [*seen, second.done(), budget.used == 50]

    assert asyncio.run(scene()) == [False, False, True, True]


def test_a_message_larger_than_the_budget_is_admitted_alone() -> None:
    async def scene() -> list[bool]:
        budget = ByteBudget(100)
        await budget.acquire(1000)
        next_one = asyncio.create_task(budget.acquire(1))
        await settle()
        seen = [next_one.done()]
        budget.release(1000)
        await settle()
        return [*seen, next_one.done()]

    assert asyncio.run(scene()) == [False, True]


def test_an_assignment_releases_all_and_a_late_release_takes_nothing_below_zero() -> None:
    async def scene() -> tuple[int, bool, int]:
        budget = ByteBudget(100)
        await budget.acquire(100)
        waiting = asyncio.create_task(budget.acquire(80))
        await settle()
        budget.clear()
        await settle()
        taken, let_in = budget.used, waiting.done()
        budget.release(100)  # the batch that was being written when the partitions moved
        return taken, let_in, budget.used

    assert asyncio.run(scene()) == (80, True, 0)


def test_faust_acquires_bytes_for_each_message_also_for_a_clone_of_the_topic() -> None:
    """A stream reads a clone of the topic, whose decoding is made anew."""

    async def scene() -> tuple[int, Any, bool]:
        budget = ByteBudget(10)
        app = faust.App("budget", store="memory://", key_serializer="raw", value_serializer="raw")
        topic: Any = app.topic("t", schema=BudgetedSchema(budget)).clone(is_iterator=True)

        def message(value: bytes | None) -> Any:
            return SimpleNamespace(key=b"k", value=value, headers={}, topic="t")

        event = await topic.decode(message(b"12345678"), propagate=True)
        waiting = asyncio.create_task(topic.decode(message(b"123"), propagate=True))
        await settle()
        return budget.used, event.value, waiting.done() or not waiting.cancel()

    assert asyncio.run(scene()) == (8, b"12345678", False)
