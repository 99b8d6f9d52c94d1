"""Room for messages that are read and not yet written, in bytes: Faust counts messages, whatever their size."""

import asyncio
from collections.abc import Callable
from typing import Any

import faust


class Room:
    """Holds so many bytes of messages; a larger one is let in alone. All of it in one event loop."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.taken = most_bytes, 0
        self._freed = asyncio.Event()

    async def take(self, size: int) -> None:
        """Wait until there is room for so many bytes, and take it."""
        while self.taken and self.taken + size > self.most_bytes:
            self._freed.clear()
            await self._freed.wait()
        self.taken += size

    def give(self, size: int) -> None:
        """So many bytes are written, or, after `clear`, were."""
        self.taken = max(0, self.taken - size)
        self._freed.set()

    def clear(self) -> None:
        """What was read has been thrown away and will be read again: to be called at each assignment of partitions."""
        self.give(self.taken)


class RoomySchema(faust.Schema[Any, Any]):
    """Messages as bytes, each let in when there is room for it. Faust reads no further while one waits here."""

    def __init__(self, room: Room) -> None:
        self._room = room
        super().__init__(key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")

    def compile(self, *arguments: Any, **more: Any) -> Callable[..., Any]:
        """What Faust makes an event of a message with, before it puts it into its own buffer."""
        decode = super().compile(*arguments, **more)

        async def decode_in_room(message: Any, **how: Any) -> Any:
            await self._room.take(len(message.value or b""))
            return await decode(message, **how)

        return decode_in_room
