"""How long pages take with very many runs, and with one run of very many tasks: python -m bench.pages [--quick] [--server]

Fills the tables, starts `tracker up` on them, and asks as browsers do: bytes over HTTP, and a real Chromium until what was asked
for can be used. Meanwhile a runner tells of tasks of a live run each second. With `--server` the tables are a ClickHouse server,
else chDB. Prints, asserts nothing.
"""

import argparse
import http.client
import json
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from bench.fill import Filled, fill
from bench.freshness import machine
from bench.load import INSTANT, Wire, real_records
from schemas.settings import Settings
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.stacks.stack import EmbeddedStack
from tests.system.browser.conftest import CHROMIUM

PAGE_LIMIT_MS, TIMELINE_LIMIT_MS, ZOOM_LIMIT_MS = 300.0, 1500.0, 150.0
_PROCESS = "NFCORE_SAREK:SAREK:STEP_1:TOOL_1"
_PRICES = {
    "rates": [
        {"per_cpu_hour": "0.04", "per_gib_hour": "0.004"},
        {"machine_type": "m5.large", "per_hour": "0.1"},
    ]
}
#: Nobody falls silent in the bench: its runs are told once.
_LONG = 86_400


@dataclass(slots=True)
class Times:
    """What was measured of one thing, ms; `first`: the first time, when nothing is kept yet; `cpu`: the tracker's, an answer."""

    name: str
    limit_ms: float | None = None
    first: float = 0.0
    cpu: float | None = None
    whole: list[float] = field(default_factory=list)
    first_byte: list[float] = field(default_factory=list)


def main() -> None:
    """Print the machine, what was measured, and the limits."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer runs and tasks")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is asked")
    parser.add_argument("--server", action="store_true", help="tables on a ClickHouse server that it starts")
    asked = parser.parse_args()
    runs, tasks = (5_000, 20_000) if asked.quick else (100_000, 100_000)
    print(machine())
    with tempfile.TemporaryDirectory(prefix="tracker-bench-") as root:
        folder = Path(root)
        server = ClickHouseServer(folder / "clickhouse") if asked.server else nullcontext()
        with server as running:
            clickhouse = "chdb" if running is None else running.url
            prices = folder / "prices.json"
            prices.write_text(json.dumps(_PRICES))
            told = filled(folder, clickhouse, prices, runs, tasks)
            print(
                f"{told.runs:,} runs with {told.tasks:,} tasks in {told.seconds:.0f} s; tables: {clickhouse.split(':')[0]}",
                flush=True,
            )
            settings = {"clickhouse": clickhouse, "price_book": prices}
            patience = {"disconnected_after_seconds": _LONG, "stalled_after_seconds": _LONG}
            with (
                EmbeddedStack(folder, **settings, **patience) as stack,
                Runner(stack.api_url, told.live_giant),
            ):
                with opened_report("over HTTP, ms") as table:
                    meter = None if asked.server else Meter(stack.up.pid)
                    for name, path, limit in questions(told):
                        table(ask(stack.api_url, name, path, limit, asked.rounds, meter))
                with opened_report("in Chromium, ms") as table:
                    for times in looked_at(stack.api_url, told, asked.rounds):
                        table(times)
    print(
        f"The timelines are of runs of {tasks:,} tasks; the live one is told of 100 more each second meanwhile."
    )


def filled(folder: Path, clickhouse: str, prices: Path, runs: int, tasks: int) -> Filled:
    """In a process of its own: chDB keeps its folder for as long as its process lives."""
    settings = Settings(data=folder / "data", clickhouse=clickhouse, price_book=prices)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        return other.submit(fill, settings, runs, tasks).result()


class Runner:
    """Tells of a hundred more finished tasks of the live run each second, until it is left."""

    def __init__(self, url: str, run_id: str) -> None:
        self._url, self._run_id = url, run_id
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        records = real_records()[:100]
        with Wire(self._url) as wire:
            task_id = 10_000_000
            while not self._stop.wait(1.0):
                told = [r | {"taskId": task_id + n} for n, r in enumerate(records)]
                body = {"tasks": told, "instant": INSTANT + task_id}
                wire.put(f"/trace/{self._run_id}/progress", json.dumps(body).encode())
                task_id += len(told)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Meter:
    """CPU time of processes beyond what they take when nobody asks: it says what an answer costs also on a busy machine."""

    def __init__(self, *pids: int, seconds: float = 10.0) -> None:
        self._pids = pids
        began = self.read()
        time.sleep(seconds)
        self.idle = (self.read() - began) / (seconds * 1000)

    def read(self) -> float:
        """CPU time so far, ms."""
        ticks = 0
        for pid in self._pids:
            user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")

    def spent(self, since: float, elapsed_ms: float) -> float:
        """CPU time since then without the idle share, ms."""
        return max(0.0, self.read() - since - self.idle * elapsed_ms)


# ---- over HTTP --------------------------------------------------------------------------------------------------------------


def questions(told: Filled) -> Iterator[tuple[str, Callable[[], str], float | None]]:
    """What is asked: a name, the paths one after another, and a limit in ms where there is one."""
    giant, live = f"/runs/{told.giant}", f"/runs/{told.live_giant}"
    rng = random.Random(7)

    def fixed(path: str) -> Callable[[], str]:
        return lambda: path

    def zoomed(run: str, extra: str = "") -> Callable[[], str]:
        start = int(told.giant[:11], 16) if run == giant else int(told.live_giant[:11], 16)

        def path() -> str:
            width = int(36_000_000 * 2.0 ** -rng.uniform(0, 9))
            begin = start + rng.randrange(36_000_000 - width + 1)
            return f"{run}/timeline.json?bars=1500&from_ms={begin}&to_ms={begin + width}{extra}"

        return path

    yield "list", fixed("/"), PAGE_LIMIT_MS
    yield "list, page 1,000", fixed(f"/?page_token={deep_token(told)}"), PAGE_LIMIT_MS
    yield "list, status failed", fixed("/?status=failed"), PAGE_LIMIT_MS
    yield "list, status running", fixed("/?status=running"), PAGE_LIMIT_MS
    yield "list, text that few have", fixed("/?search=hopper_4999"), PAGE_LIMIT_MS
    yield "list, label that few have", fixed("/?label=rare"), PAGE_LIMIT_MS
    yield "list, a day", fixed(f"/?{day(told)}"), PAGE_LIMIT_MS
    yield "list by name", fixed("/?sort=name"), PAGE_LIMIT_MS
    yield "list by cost, greatest first", fixed("/?sort=-cost"), PAGE_LIMIT_MS
    yield "list by pipeline", fixed("/?sort=pipeline"), PAGE_LIMIT_MS
    yield "list of failed by duration", fixed("/?status=failed&sort=-duration_ms"), PAGE_LIMIT_MS
    yield "operations", fixed("/ops"), PAGE_LIMIT_MS
    yield "run page", fixed(giant), PAGE_LIMIT_MS
    yield "run page by name", fixed("/runs/giant_hopper"), PAGE_LIMIT_MS
    yield "run page of the live run", fixed(live), PAGE_LIMIT_MS
    yield "process page", fixed(f"{giant}/process?name={_PROCESS}"), PAGE_LIMIT_MS
    yield "tasks page", fixed(f"{giant}/tasks"), PAGE_LIMIT_MS
    yield (
        "tasks page, failed by duration",
        fixed(f"{giant}/tasks?status=failed&sort=-duration_ms"),
        PAGE_LIMIT_MS,
    )
    yield "task page", fixed(f"{giant}/tasks/777"), PAGE_LIMIT_MS
    yield "timeline, whole", fixed(f"{giant}/timeline.json?bars=1000"), ZOOM_LIMIT_MS
    yield "timeline, zoomed at random", zoomed(giant), ZOOM_LIMIT_MS
    yield "timeline by host, zoomed", zoomed(giant, "&group=host"), ZOOM_LIMIT_MS
    yield "timeline of the live run, zoomed", zoomed(live), ZOOM_LIMIT_MS
    yield "tasks at once", fixed(f"/api/v1{giant}/concurrency?points=1000"), ZOOM_LIMIT_MS


def deep_token(told: Filled) -> str:
    """Of the page in the middle of the list."""
    from api.core.cursor import RunCursor, to_token

    return to_token(RunCursor(int(told.giant[:11], 16) - 45 * 86_400_000, ""))


def day(told: Filled) -> str:
    begin = int(told.giant[:11], 16) - 30 * 86_400_000
    days = (time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime((begin + n * 86_400_000) / 1000)) for n in (0, 1))
    return "started_after={}&started_before={}".format(*days)


def ask(
    url: str, name: str, path: Callable[[], str], limit_ms: float | None, rounds: int, meter: Meter | None
) -> Times:
    """Ask one after another over one connection."""
    times = Times(name, limit_ms)
    used = 0.0
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    for turn in range(rounds + 1):
        if turn == 1 and meter:
            used = meter.read()
        began = time.perf_counter()
        connection.request("GET", path())
        answer = connection.getresponse()
        first_byte = (time.perf_counter() - began) * 1000
        answer.read()
        whole = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{name}: {answer.status}")
        if turn == 0:
            times.first = whole
        else:
            times.first_byte.append(first_byte)
            times.whole.append(whole)
    connection.close()
    if meter:
        times.cpu = meter.spent(used, sum(times.whole)) / rounds
    return times


# ---- in a browser -----------------------------------------------------------------------------------------------------------

# Notes when the timeline's caption is there for the first time and painted: it is written once lanes and bars are drawn.
_NOTE_DRAWN = """
new MutationObserver((_, watching) => {
  if (!document.getElementById("timeline-caption")?.textContent) return;
  watching.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.drawnAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true, characterData: true });
"""

# Zooms, or scrolls to another place, and gives the ms until every row that is seen has its bar and is painted.
_MOVE = """
async (how) => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const place = document.getElementById("gantt");
  const mark = place.querySelector(".lanes-body").firstChild;
  const began = performance.now();
  if (how === "scroll") place.scrollTop = Math.random() * (place.scrollHeight - place.clientHeight);
  else document.querySelector(`[data-zoom=${how}]`).click();
  await frame();
  const whole = () => !place.contains(mark)
    && [...place.querySelectorAll(".lane:not(.head)")].every((lane) => lane.querySelector("a"));
  while (!whole()) await frame();
  await frame();
  return performance.now() - began;
}
"""


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    # Its policy would forbid what is evaluated while waiting.
    context = browser.new_context(base_url=url, bypass_csp=True, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(60_000)
    context.add_init_script(_NOTE_DRAWN)
    yield context.new_page()
    context.close()


def looked_at(url: str, told: Filled, rounds: int) -> Iterator[Times]:
    """Each page in a fresh context, so without a cache; then zooms on one timeline."""
    giant, live = f"/runs/{told.giant}", f"/runs/{told.live_giant}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, path, limit in (
            ("list: rows shown", "/", PAGE_LIMIT_MS * 2),
            ("run page: shown", giant + "#overview", PAGE_LIMIT_MS * 2),
            ("tasks page: rows shown", giant + "/tasks", PAGE_LIMIT_MS * 2),
            ("timeline: drawn", giant + "#timeline", TIMELINE_LIMIT_MS),
            ("timeline of the live run: drawn", live + "#timeline", TIMELINE_LIMIT_MS),
        ):
            yield visits(browser, url, name, path, limit, max(3, rounds // 3))
        for name, run, ways in (
            ("zoom: bars painted", giant, ("in", "in", "in", "out")),
            ("scroll: bars painted", giant, ("scroll",)),
            ("scroll of the live run: bars painted", live, ("scroll",)),
        ):
            yield moves(browser, url, name, run, rounds, ways)
        browser.close()


def visits(browser: Browser, url: str, name: str, path: str, limit_ms: float, rounds: int) -> Times:
    times = Times(name, limit_ms)
    for turn in range(rounds + 1):
        with opened(browser, url) as page:
            page.goto(path)
            if "timeline" in path:
                page.wait_for_function("window.drawnAt")
                whole = page.evaluate("window.drawnAt")
            else:
                page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
                whole = page.evaluate(
                    "Math.max(performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                    " performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd)"
                )
            first_byte = page.evaluate("performance.getEntriesByType('navigation')[0].responseStart")
        if turn == 0:
            times.first = whole
        else:
            times.whole.append(whole)
            times.first_byte.append(first_byte)
    return times


def moves(browser: Browser, url: str, name: str, run: str, rounds: int, ways: Sequence[str]) -> Times:
    """Of a timeline without lanes, so that each row is an attempt."""
    times = Times(name, ZOOM_LIMIT_MS)
    with opened(browser, url) as page:
        page.goto(run + "?group=none#timeline")
        page.wait_for_function("window.drawnAt")
        for turn in range(rounds + 1):
            took = page.evaluate(_MOVE, ways[turn % len(ways)])
            if turn == 0:
                times.first = took
            else:
                times.whole.append(took)
    return times


# ---- the report -------------------------------------------------------------------------------------------------------------


@contextmanager
def opened_report(title: str) -> Iterator[Callable[[Times], None]]:
    """A table, printed when it is left. An over-long line is said so, but is no failure: machines differ."""
    table = Table(title, "first", "to first byte, p50", "p50", "p95", "CPU", "limit for p95")

    def add(t: Times) -> None:
        to_first = f"{_percentile(t.first_byte, 50):.0f}" if t.first_byte else ""
        p50, p95 = _percentile(t.whole, 50), _percentile(t.whole, 95)
        cpu = "" if t.cpu is None else f"{t.cpu:.0f}"
        table.add_row(t.name, f"{t.first:.0f}", to_first, f"{p50:.0f}", f"{p95:.0f}", cpu, _verdict(t, p95))

    try:
        yield add
    finally:
        Console(width=120).print(table)


def _verdict(times: Times, p95: float) -> str:
    if times.limit_ms is None:
        return ""
    return f"{times.limit_ms:.0f}: {'met' if p95 < times.limit_ms else 'MISSED'}"


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


if __name__ == "__main__":
    main()
