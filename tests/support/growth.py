"""How the CPU time of a function grows with its input: what is linear takes about twice as long for twice as much."""

import time
from collections.abc import Callable

MOST_GROWTH = 2.5


def _cpu_seconds(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began


def assert_linear(work: Callable[[int], object], size: int, attempts: int = 40) -> None:
    """Fail unless the least CPU time of `work(2 * size)` comes to at most 2.5 times that of `work(size)`.

    Each attempt adds a measurement of both; so a busy machine costs attempts, and work that is quadratic fails all.
    """
    once = twice = float("inf")
    for _ in range(attempts):
        once, twice = min(once, _cpu_seconds(work, size)), min(twice, _cpu_seconds(work, 2 * size))
        if twice <= MOST_GROWTH * once:
            return
    raise AssertionError(f"{size}: {once * 1000:.1f} ms, twice that: {twice * 1000:.1f} ms of CPU")
