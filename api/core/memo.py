"""What a process remembers for a while of answers that cost more than they change."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")

_ENTRIES_MAX = 256


@dataclass
class Memo:
    """At most 256 answers, each for `lasts_ms` unless `get` says otherwise.

    Safe in several threads, which may make the same answer side by side.
    """

    lasts_ms: int = 60_000
    _kept: OrderedDict[Hashable, tuple[int, Any]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(
        self,
        key: Hashable,
        now_ms: int,
        make: Callable[[], T],
        lasts_ms: int | None = None,
        worth_it: Callable[[T], bool] = lambda _answer: True,
    ) -> T:
        """The answer for the key, made anew if it is older than it may be. `worth_it`: whether it is remembered at all."""
        with self._lock:
            made_ms, answer = self._kept.get(key, (None, None))
        if self._fresh(made_ms, now_ms, lasts_ms):
            return cast(T, answer)
        fresh = make()
        if not worth_it(fresh):
            return fresh
        with self._lock:
            self._kept[key] = now_ms, fresh
            self._kept.move_to_end(key)
            if len(self._kept) > _ENTRIES_MAX:
                self._kept.popitem(last=False)
        return fresh

    def has(self, key: Hashable, now_ms: int) -> bool:
        """Whether the answer for the key need not be made."""
        with self._lock:
            return self._fresh(self._kept.get(key, (None, None))[0], now_ms, None)

    def _fresh(self, made_ms: int | None, now_ms: int, lasts_ms: int | None) -> bool:
        return made_ms is not None and 0 <= now_ms - made_ms < (lasts_ms or self.lasts_ms)
