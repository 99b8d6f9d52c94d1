"""What processes requested and used: sums, percentiles, what would have sufficed, the page."""

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.usage.models import Resource
from api.usage.queries import suggest
from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from tests.support.api.stage import Stage

HOUR, GIB = 3_600_000, 2**30
BOOK = PriceBook(rates=[Rate(per_cpu_hour=Decimal(1))]).whole()


def resource(
    requested: float | None = None,
    p50: float | None = None,
    p95: float | None = None,
    most: float | None = None,
) -> Resource:
    return Resource(requested=requested, p50=p50, p95=p95, max=most)


NOTHING = resource()


def fill(stage: Stage) -> None:
    """Four tasks of A that used little of much, one of which failed; B measured once; C not measured, D cached."""
    stage.run("r1", facts={"name": "n", "runner_name": "nextflow"}, completed={"state": "succeeded"})
    stage.figures("r1", total=7, tasks=7, succeeded=6)
    a: dict[str, Any] = {
        "process": "W:A",
        "cpus": 8,
        "memory_bytes": 16 * GIB,
        "time_limit_ms": 24 * HOUR,
        "started_at": 0,
    }
    for n, (cpu, memory) in enumerate(((100.0, GIB), (150.0, 2 * GIB), (200.0, 3 * GIB))):
        stage.task("r1", n, completed_at=HOUR, realtime_ms=HOUR, cpu_percent=cpu, peak_rss_bytes=memory, **a)
    stage.task(
        "r1",
        3,
        "failed",
        completed_at=HOUR,
        realtime_ms=HOUR,
        cpu_percent=800.0,
        peak_rss_bytes=15 * GIB,
        **a,
    )
    stage.task("r1", 4, process="B", cpus=1, started_at=0, completed_at=HOUR, cpu_percent=90.0)
    stage.task("r1", 5, process="C", cpus=4, started_at=0, completed_at=HOUR)
    stage.task("r1", 6, "cached", process="D", cpus=4, cpu_percent=1.0, started_at=0, completed_at=HOUR)


def test_the_answer(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)
    fill(stage)
    found = stage.get("/runs/n/resources")
    a, b = found["processes"]
    assert (a["process"], a["label"], a["tasks"], a["sample"]) == ("W:A", "W:A", 4, 3)
    assert a["cpus"] == {"requested": 8, "p50": 1.5, "p95": 1.95, "max": 2}
    assert a["memory_bytes"] == {
        "requested": 16 * GIB,
        "p50": 2 * GIB,
        "p95": round(2.9 * GIB, 2),
        "max": 3 * GIB,
    }
    assert a["time_ms"] == {"requested": 24 * HOUR, "p50": HOUR, "p95": HOUR, "max": HOUR}
    assert (a["cpu_hours_requested"], a["cpu_hours_used"], a["wasted_cpu_hours"]) == (32, 12.5, 19.5)
    assert a["memory_gib_hours_unused"] == 15 + 14 + 13 + 1
    assert (b["process"], b["sample"], b["suggestion"]) == ("B", 1, None)
    assert (found["cpu_hours_requested"], found["wasted_cpu_hours"]) == (33, 19.6)
    assert Decimal(a["wasted_amount"]) <= Decimal(found["wasted_amount"]) and found["currency"] == "USD"
    suggestion = a["suggested"]
    assert (suggestion["cpus"], suggestion["memory_bytes"], suggestion["time_limit_ms"]) == (
        2,
        4 * GIB,
        2 * HOUR,
    )
    assert a["suggestion"] == suggestion["config"] == found["config"] == "\n".join((
        "process {", "    withName: 'W:A' {", "        cpus = 2", "        memory = { 4.GB * task.attempt }",
        "        time = { 2.h * task.attempt }", "    }", "}",
    ))  # fmt: skip


def test_the_tab_and_a_run_without_measurements(stage: Stage) -> None:
    fill(stage)
    page = stage.request("GET", "/runs/n", params={"tab": "usage"}).text
    tab = page[page.index('id="usage-table"') :]
    assert "16.0 GiB" in tab and "19.50" in tab and "memory = { 4.GB * task.attempt }" in tab
    assert 'id="usage-table"' not in stage.request("GET", "/runs/n").text, "only when it is looked at"
    stage.run("r2", facts={"name": "m"})
    stage.figures("r2", total=1, tasks=1)
    stage.task("r2", 1, "running", started_at=0)
    assert stage.get("/runs/m/resources")["processes"] == []
    assert "No task has been measured yet" in stage.request("GET", "/runs/m", params={"tab": "usage"}).text
    stage.refused(404, "/runs/nobody/resources")


def test_small_figures_are_not_shown_as_none(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n", "runner_name": "nextflow"}, completed={"state": "succeeded"})
    stage.figures("r1", total=1, tasks=1, succeeded=1)
    stage.task(
        "r1", 1, process="A", cpus=1, cpu_percent=2.0, started_at=0, completed_at=36_000, realtime_ms=36_000
    )
    page = stage.request("GET", "/runs/n", params={"tab": "usage"}).text
    row = page[page.index('id="usage-table"') :].split("<tbody>")[1]
    assert re.findall(r'<td class="number">([^<]*)', row)[:4] == ["1", "0.02", "0.02", "0.02"]
    assert ">0.01<" in row and ">0.00<" not in row, "CPU hours"


def test_what_runners_tell_may_be_anything(stage: Stage) -> None:
    stage.run("r1", facts={"name": "n", "runner_name": "nextflow"})
    stage.figures("r1", total=2, tasks=2)
    for n in range(2):
        stage.task(
            "r1", n, process="x' } evil", cpus=1e6, cpu_percent=1e308, memory_bytes=2**63 - 1, peak_rss_bytes=2**63 - 1,
            time_limit_ms=2**63 - 1, realtime_ms=2**63 - 1, started_at=0, completed_at=1,
        )  # fmt: skip
    [found] = stage.get("/runs/n/resources")["processes"]
    assert found["tasks"] == 2 and found["suggestion"] is None


@pytest.mark.parametrize(
    ("cpus", "memory", "time", "expected"),
    [
        (resource(4, 3, 3.8, 4), NOTHING, NOTHING, None),
        (resource(8, 1, 2.05, 3), NOTHING, NOTHING, (2, None, None)),
        (resource(None, 1, 2, 3), NOTHING, NOTHING, None),
        (NOTHING, resource(8 * GIB, GIB, GIB, 7 * GIB), NOTHING, None),
        (NOTHING, resource(8 * GIB, GIB, GIB, 8 * GIB), NOTHING, (None, 10 * GIB, None)),
        (NOTHING, resource(8 * GIB, 1, 1, 200 * 2**20), NOTHING, (None, 256 * 2**20, None)),
        (NOTHING, resource(64 * 2**20, 1, 1, 5 * 2**20), NOTHING, None),
        (NOTHING, NOTHING, resource(HOUR, 1, 1, HOUR - 1000), (None, None, 2 * HOUR)),
        (NOTHING, NOTHING, resource(HOUR, 1, 1, 0.7 * HOUR), None),
        (NOTHING, NOTHING, resource(24 * HOUR, 1, 1, 60_000), (None, None, 600_000)),
    ],
)
def test_what_would_have_sufficed(cpus: Resource, memory: Resource, time: Resource, expected: Any) -> None:
    found = suggest("A", 5, cpus, memory, time, True)
    assert (found and (found.cpus, found.memory_bytes, found.time_limit_ms)) == expected
    assert suggest("A", 1, cpus, memory, time, True) is None, "one task says little"
    other = suggest("A", 5, cpus, memory, time, False)
    assert other is None or other.config is None


_FIGURES = st.none() | st.floats(0, 2.0**63, allow_nan=False)
_RESOURCES = st.builds(resource, _FIGURES, _FIGURES, _FIGURES, _FIGURES)


@given(_RESOURCES, _RESOURCES, _RESOURCES)
def test_a_suggestion_never_gives_less_than_was_used(
    cpus: Resource, memory: Resource, time: Resource
) -> None:
    found = suggest("A", 5, cpus, memory, time, True)
    if found and found.memory_bytes is not None:
        assert memory.max is not None and found.memory_bytes >= memory.max
    if found and found.time_limit_ms is not None:
        assert time.max is not None and found.time_limit_ms >= time.max
    if found and found.cpus is not None:
        assert cpus.requested is not None and 1 <= found.cpus < cpus.requested
