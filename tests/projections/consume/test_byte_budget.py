"""Memory of the Faust worker is bounded in bytes: what is read waits for what is not yet written."""

import asyncio
from types import SimpleNamespace
from typing import Any

import faust

from projections.consume.byte_budget import Room, RoomySchema


async def settle() -> None:
    """Let every task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_who_finds_no_room_waits_until_some_is_given() -> None:
    async def scene() -> list[bool]:
        room = Room(100)
        await room.take(60)
        second = asyncio.create_task(room.take(50))
        await settle()
        seen = [second.done()]
        room.give(5)
        await settle()
        seen.append(second.done())
        room.give(55)
        await settle()
        return [*seen, second.done(), room.taken == 50]

    assert asyncio.run(scene()) == [False, False, True, True]


def test_one_that_is_larger_than_the_room_is_let_in_alone() -> None:
    async def scene() -> list[bool]:
        room = Room(100)
        await room.take(1000)
        next_one = asyncio.create_task(room.take(1))
        await settle()
        seen = [next_one.done()]
        room.give(1000)
        await settle()
        return [*seen, next_one.done()]

    assert asyncio.run(scene()) == [False, True]


def test_an_assignment_frees_what_will_be_read_again_and_what_is_written_later_takes_nothing_below_zero() -> (
    None
):
    async def scene() -> tuple[int, bool, int]:
        room = Room(100)
        await room.take(100)
        waiting = asyncio.create_task(room.take(80))
        await settle()
        room.clear()
        await settle()
        taken, let_in = room.taken, waiting.done()
        room.give(100)  # the batch that was being written when the partitions moved
        return taken, let_in, room.taken

    assert asyncio.run(scene()) == (80, True, 0)


def test_faust_takes_room_for_each_message_also_for_a_clone_of_the_topic() -> None:
    """A stream reads a clone of the topic, whose decoding is made anew."""

    async def scene() -> tuple[int, Any, bool]:
        room = Room(10)
        app = faust.App("room", store="memory://", key_serializer="raw", value_serializer="raw")
        topic: Any = app.topic("t", schema=RoomySchema(room)).clone(is_iterator=True)

        def message(value: bytes | None) -> Any:
            return SimpleNamespace(key=b"k", value=value, headers={}, topic="t")

        event = await topic.decode(message(b"12345678"), propagate=True)
        waiting = asyncio.create_task(topic.decode(message(b"123"), propagate=True))
        await settle()
        return room.taken, event.value, waiting.done() or not waiting.cancel()

    assert asyncio.run(scene()) == (8, b"12345678", False)
