"""How the CPU time of a function grows with its input: what is linear takes about twice as long for twice as much."""

import time
from collections.abc import Callable
from statistics import median

MOST_GROWTH = 2.5


def _cpu_seconds(work: Callable[[int], object], size: int) -> float:
    began = time.process_time()
    work(size)
    return time.process_time() - began


def assert_linear(work: Callable[[int], object], size: int, attempts: int = 40) -> None:
    """Fail unless `work(2 * size)` takes at most 2.5 times the CPU time of `work(size)`: by the least of each, or by the median
    of measurements that follow each other.

    Each attempt adds a measurement of both. So a busy machine costs attempts, one whose speed changes leaves the median, and work
    that is quadratic fails by both.
    """
    pairs: list[tuple[float, float]] = []
    for _ in range(attempts):
        pairs.append((_cpu_seconds(work, size), _cpu_seconds(work, 2 * size)))
        once, twice = (min(times) for times in zip(*pairs, strict=True))
        if twice <= MOST_GROWTH * once:
            return
    growth = median(twice / once for once, twice in pairs)
    assert growth <= MOST_GROWTH, f"{size}: {once * 1000:.1f} ms, twice that: {growth:.2f} times the CPU"
