"""CO₂e of tasks: an example by hand, what is not known, and books that cannot be used."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.carbon.book import BadCarbonBook, CarbonBook, carbon_book
from api.carbon.queries import emitted, energy_of, regions_of
from schemas.values import iso
from stores.tables.client import Tables
from tests.support.api.stage import T0, Stage

HOUR = 3_600_000


@dataclass
class Attempt:
    cloud_zone: str | None
    cpus: float | None
    cpu_percent: float | None
    memory_bytes: int | None
    peak_rss_bytes: int | None


#: One vCPU and hour is 1 W idle and 3 W in full use; a GB and hour is 0.001 kWh; the data centre takes twice of all.
BOOK: dict[str, Any] = {
    "source": "by hand",
    "watts_idle": 1,
    "watts_full": 3,
    "utilisation": 0.5,
    "kwh_per_gb_hour": 0.001,
    "pue": 2,
    "grams_per_kwh": {"eu-": 100, "eu-north": 10},
}


@pytest.fixture
def stage(tables: Tables, tmp_path: Path) -> Stage:
    file = tmp_path / "carbon.json"
    file.write_text(json.dumps(BOOK))
    return Stage(tables, carbon_book=file)


def fill(stage: Stage) -> None:
    """A in two regions, once from the cache; B in a region that nobody knows."""
    stage.run("r1", last_instant=iso(T0))
    hour: dict[str, Any] = {"started_at": 0, "completed_at": HOUR}
    a: dict[str, Any] = {"process": "A", "cloud_zone": "eu-west-1a"} | hour
    # (2 CPUs x (1 + 0.25 x 2) W + 4 GB x 1 W) x 2 x 100 g/kWh = 1.4 g
    stage.task("r1", 1, cpus=2, cpu_percent=50.0, memory_bytes=4 * 10**9, **a)
    # 1 CPU x (1 + 0.5 x 2) W x 2 x 10 g/kWh = 0.04 g: its use was not measured
    stage.task("r1", 2, **a | {"cloud_zone": "eu-north-1b"})
    stage.task("r1", 3, "cached", **a)
    stage.task("r1", 4, "pending", process="A", cloud_zone="eu-west-1a")
    stage.task("r1", 5, process="B", cloud_zone="mars-1", **hour)
    stage.figures("r1", total=5, succeeded=4, tasks=5)


def test_an_example_by_hand(stage: Stage) -> None:
    fill(stage)
    costs = stage.get("/runs/r1/costs")
    carbon = costs["carbon"]
    assert (carbon["g_co2e"], carbon["kwh"]) == (1.44, 0.018)
    assert (carbon["complete"], carbon["unknown_tasks"], carbon["unmeasured_tasks"]) == (False, 1, 1)
    assert carbon["assumptions"]["grams_per_kwh"] == {"eu-": 100, "eu-north": 10}
    of = {p["process"]: p["carbon"] for p in costs["processes"]}
    assert (of["A"]["g_co2e"], of["A"]["complete"], of["B"]) == (1.44, True, None)
    grams = [stage.get(f"/runs/r1/tasks/{n}")["g_co2e"] for n in range(1, 6)]
    assert grams == [1.4, 0.04, None, None, None]


def test_the_tab_the_csv_and_the_task_say_it(stage: Stage) -> None:
    fill(stage)
    page = stage.request("GET", "/runs/r1", params={"tab": "cost"}).text
    assert "at least 1.44 g" in page and "0.018 kWh" in page and "eu- 100.0, eu-north 10.0" in page
    assert "Of 1 tasks the use of CPUs is assumed: 50.0 %" in page
    assert "1 tasks in a region without a known grid are left out" in page
    rows = list(csv.DictReader(io.StringIO(stage.request("GET", "/runs/r1/costs.csv").text)))
    assert [(r["process"], r["g_co2e"]) for r in rows] == [("A", "1.44"), ("B", ""), ("", "1.44")]
    assert "<dt>CO₂e</dt><dd>40 mg</dd>" in stage.request("GET", "/runs/r1/tasks/2").text


def test_what_no_region_is_known_of_is_unknown_and_not_nothing(stage: Stage) -> None:
    stage.run("r1", last_instant=iso(T0))
    stage.task("r1", 1, started_at=0, completed_at=HOUR)
    stage.figures("r1", total=1, succeeded=1, tasks=1)
    assert stage.get("/runs/r1/costs")["carbon"] is None
    assert "no region is known" in stage.request("GET", "/runs/r1", params={"tab": "cost"}).text


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "cloud_zone": st.sampled_from([None, "eu-west-1a", "eu-north-1b", "mars-1"]),
                "cpus": st.none() | st.floats(0, 1e6),
                "cpu_percent": st.none() | st.floats(-10, 1e8),
                "memory_bytes": st.none() | st.integers(0, 2**63 - 1),
                "peak_rss_bytes": st.none() | st.integers(0, 2**63 - 1),
            }
        ),
        max_size=5,
    ),
    st.integers(1, 10 * HOUR),
)
def test_it_is_never_negative_and_adds_up(attempts: list[dict[str, Any]], ran_ms: int) -> None:
    book = CarbonBook(**BOOK)
    rows = [energy_of(Attempt(**a), ran_ms, book) for a in attempts]
    single = [emitted([r], book) for r in rows]
    whole = emitted(rows, book)
    assert (whole is None) == all(c is None for c in single)
    if whole:
        assert (
            whole.g_co2e == pytest.approx(sum(c.g_co2e for c in single if c), rel=1e-4) and whole.g_co2e > 0
        )
        assert whole.unknown_tasks == single.count(None) and whole.complete == (None not in single)


def test_a_region_elsewhere_is_covered_where_the_book_says_so() -> None:
    book = CarbonBook(**BOOK | {"grams_per_kwh": {"": 50, "eu-": 100}})
    assert regions_of(book) == ["eu-"]
    task = Attempt(cloud_zone=None, cpus=1.0, cpu_percent=100.0, memory_bytes=None, peak_rss_bytes=None)
    found = emitted([energy_of(task, HOUR, book)], book)
    assert found and found.g_co2e == 0.3 and found.complete  # 3 W x 2 x 50 g/kWh


def test_the_example_of_the_docs_by_the_bundled_book() -> None:
    book = carbon_book(None)
    task = Attempt(
        cloud_zone="us-east-1b", cpus=2.0, cpu_percent=100.0, memory_bytes=4 * 10**9, peak_rss_bytes=None
    )
    found = emitted([energy_of(task, HOUR, book)], book)
    assert found and f"{found.g_co2e:.2f}" == "2.50"


def test_the_bundled_book_knows_the_regions_of_aws() -> None:
    book = carbon_book(None)
    assert book.grams_per_kwh["us-east-1"] == 379.069 and len(book.grams_per_kwh) > 30 and book.attribution


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pue": 0.5}, "pue"),
        ({"watts_full": -1}, "watts_full"),
        ({"grams_per_kwh": {"x": 10**9}}, "grams_per_kwh.x"),
        ({"colour": "green"}, "colour"),
    ],
)
def test_a_book_that_cannot_be_used_is_refused_with_the_field(
    change: dict[str, Any], says: str, tmp_path: Path
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(BOOK | change))
    with pytest.raises(BadCarbonBook, match=says):
        carbon_book(file)


def test_a_book_that_cannot_be_used_is_said_at_the_start(tables: Tables, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_text("{")
    with pytest.raises(BadCarbonBook, match=r"bad\.json"):
        Stage(tables, carbon_book=file)


def test_a_book_that_is_not_there_is_said() -> None:
    with pytest.raises(BadCarbonBook, match="cannot be read"):
        carbon_book(Path("/no/such/book.json"))
