"""The byte budget of messages that are read and not yet written: Faust counts messages, whatever their size."""

import asyncio
from collections.abc import Callable
from typing import Any

import faust


class ByteBudget:
    """Admits messages of at most so many bytes in all; a larger message is admitted alone. For one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.used = max_bytes, 0
        self._released = asyncio.Event()

    async def acquire(self, size: int) -> None:
        """Wait until so many bytes are free, and take them."""
        while self.used and self.used + size > self.max_bytes:
            self._released.clear()
            await self._released.wait()
        self.used += size

    def release(self, size: int) -> None:
        """Give so many bytes back. What `clear` has given back already may be given back once more."""
        self.used = max(0, self.used - size)
        self._released.set()

    def clear(self) -> None:
        """Give all bytes back. Call it at each assignment: Faust throws away what it has read, and reads it again."""
        self.release(self.used)


class BudgetedSchema(faust.Schema[Any, Any]):
    """Reads messages as bytes, each when the budget admits it. Faust reads no further while one waits here."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        super().__init__(key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw")

    def compile(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Return the function that Faust makes an event of a message with, before the event goes into its buffer."""
        decode = super().compile(*args, **kwargs)

        async def decode_within_budget(message: Any, **options: Any) -> Any:
            await self._budget.acquire(len(message.value or b""))
            return await decode(message, **options)

        return decode_within_budget
