"""Prices: which offer a task gets, what it then costs, and which price book is in force."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from projections.costs.in_force import price_version, put_in_force
from projections.costs.price_book import PriceBook, Rate, Row
from schemas.events import Completed, TaskRecord, TasksChanged
from schemas.statuses import ReportedState
from stores.tables.client import Tables
from tests.support.projection import T0, Stage, task
from tests.support.reference.figures import Rate as ReferenceRate
from tests.support.reference.figures import cost
from tests.support.reference.reducer import Limits
from tests.support.sql import expand

HOUR = 3_600_000
GIB = 2**30
LIMITS = Limits(180_000, 900_000, 300_000)

BOOK = PriceBook(
    rates=[
        Rate(machine_type="m5.large", per_hour=Decimal("0.1")),
        Rate(machine_type="m5.large", zone="us-east-1", per_hour=Decimal("0.2")),
        Rate(machine_type="m5.large", zone="us-east-1b", per_hour=Decimal("0.3")),
        Rate(machine_type="m5.large", price_model="Spot", per_hour=Decimal("0.04")),
        Rate(machine_type="m5.large", price_model="Spot", zone="us-", per_hour=Decimal("0.05")),
        Rate(machine_type="only.spot", price_model="spot", per_hour=Decimal("0.01")),
        Rate(machine_type="three", price_model="spot", zone="eu-1", per_hour=Decimal("0.01")),
        Rate(
            machine_type="three", price_model="spot", zone="eu-1a", per_hour=Decimal("0.02"), basis="history"
        ),
        Rate(
            machine_type="three", price_model="spot", zone="us-1a", per_hour=Decimal("0.03"), basis="history"
        ),
        Rate(
            machine_type="three", price_model="spot", zone="us-1", per_hour=Decimal("0.04"), basis="assumed"
        ),
        Rate(
            machine_type="three",
            price_model="spot",
            zone="us-1a-2",
            per_hour=Decimal("0.05"),
            basis="assumed",
        ),
        Rate(machine_type="free", per_hour=Decimal(0)),
        Rate(per_cpu_hour=Decimal("0.04"), per_gib_hour=Decimal("0.004")),
        Rate(zone="cpu-", per_cpu_hour=Decimal("0.05")),
        Rate(machine_type="hell", per_hour=Decimal(10_000)),
        Rate(zone="hell-", per_cpu_hour=Decimal(10_000), per_gib_hour=Decimal(10_000)),
    ]
)

#: What a task of an hour says of its machine → its cost.
OFFERS: list[tuple[dict[str, Any], str | None]] = [
    ({"machine_type": "m5.large"}, "0.1"),
    ({"machine_type": "m5.large", "price_model": "ondemand"}, "0.1"),
    ({"machine_type": "m5.large", "cloud_zone": "eu-west-1a"}, "0.1"),
    ({"machine_type": "m5.large", "cloud_zone": "us-east-1a"}, "0.2"),
    ({"machine_type": "m5.large", "cloud_zone": "us-east-1b"}, "0.3"),
    ({"machine_type": "m5.large", "price_model": "SPOT"}, "0.04"),
    # its price model goes before a longer zone of any model
    ({"machine_type": "m5.large", "price_model": "spot", "cloud_zone": "us-east-1b"}, "0.05"),
    ({"machine_type": "m5.large", "price_model": "spot", "cloud_zone": "eu-west-1a"}, "0.04"),
    ({"machine_type": "only.spot", "price_model": "spot"}, "0.01"),
    # a told price goes before a history of a longer zone, and that before an assumed one
    ({"machine_type": "three", "price_model": "spot", "cloud_zone": "eu-1a"}, "0.01"),
    ({"machine_type": "three", "price_model": "spot", "cloud_zone": "us-1a-2"}, "0.03"),
    ({"machine_type": "three", "price_model": "spot", "cloud_zone": "us-1b"}, "0.04"),
    ({"machine_type": "only.spot"}, None),
    ({"machine_type": "only.spot", "price_model": "ondemand"}, None),
    ({"machine_type": "M5.LARGE"}, None),
    ({"machine_type": "unheard-of"}, None),  # flat rates are for machines without a type
    ({"machine_type": "free"}, "0"),
    ({"cpus": 2.0, "memory_bytes": 3 * GIB}, "0.092"),
    ({}, "0.04"),  # one CPU, no memory asked for
    ({"machine_type": "", "cpus": 0.5}, "0.02"),
    ({"cpus": 1.001}, "0.04004"),
    ({"cpus": 2.0, "memory_bytes": 8 * GIB, "cloud_zone": "cpu-1"}, "0.1"),
    ({"cpus": 1.0, "memory_bytes": GIB // 2}, "0.042"),
]


@pytest.fixture
def stage(tables: Tables) -> Stage:
    put_in_force(tables, BOOK)
    return Stage(tables, LIMITS)


def priced(stage: Stage, *records: TaskRecord) -> list[Decimal | None]:
    """Cost of each task of run `r`, which is live and last heard an hour after T0."""
    stage.history.say("r", TasksChanged(instant=T0 + HOUR), *records)
    stage.project()
    rows = stage.tables.rows(expand("""SELECT cost FROM {{ task_facts("['r']") }} ORDER BY task_id"""))
    return [r["cost"] for r in rows]


def hour(task_id: int, status: str = "succeeded", **known: Any) -> TaskRecord:
    return task("r", task_id, status, **{"started_at": T0, "completed_at": T0 + HOUR} | known)


def test_each_task_gets_its_offer(stage: Stage) -> None:
    records = [hour(n, **said) for n, (said, _) in enumerate(OFFERS)]
    wanted = [None if c is None else Decimal(c) for _, c in OFFERS]
    assert dict(zip(map(str, OFFERS), priced(stage, *records), strict=True)) == dict(
        zip(map(str, OFFERS), wanted, strict=True)
    )
    figures = stage.tables.rows("SELECT cost, unpriced, wasted FROM run_figures FINAL")
    assert figures == [{"cost": sum(filter(None, wanted)), "unpriced": wanted.count(None), "wasted": 0}]


def test_a_flat_rate_counts_cpus_memory_and_gpus(stage: Stage) -> None:
    rates = {
        "per_cpu_hour": Decimal("0.04"),
        "per_gib_hour": Decimal("0.004"),
        "per_gpu_hour": Decimal("0.9"),
    }
    put_in_force(stage.tables, PriceBook(rates=[Rate(queue="gpu", **rates)]))
    known: dict[str, Any] = {"cpus": 3.0, "memory_bytes": 2 * GIB, "accelerators": 2}
    assert priced(stage, hour(1, queue="gpu", **known), hour(2, queue="cpu", **known)) == [
        Decimal("1.928"),
        None,
    ]


def test_the_reference_gives_the_same_costs() -> None:
    """So that the histories of test_projection_properties are priced by a reducer that was itself tried."""
    rates = [
        ReferenceRate(
            r.machine_type,
            r.price_model.lower(),
            r.zone,
            r.per_hour,
            r.per_cpu_hour,
            r.per_gib_hour,
            basis=r.basis,
        )
        for r in BOOK.rates
    ]
    for said, wanted in OFFERS:
        assert cost(hour(1, **said), HOUR, rates) == (wanted and Decimal(wanted)), said


def test_what_costs_nothing_and_what_nobody_knows(stage: Stage) -> None:
    never = {"started_at": None, "completed_at": None}
    costs = priced(
        stage,
        hour(1, "cached", machine_type="m5.large"),
        hour(2, "cached", machine_type="unheard-of"),
        hour(3, "pending", **never),
        hour(4, "submitted", **never),
        hour(5, "aborted", **never),
        hour(6, "failed", **never),  # such as one that a scheduler refused
        hour(7, "succeeded", **never),
        hour(8, "running", **never),
        hour(9, "failed", started_at=T0 + HOUR, completed_at=T0),  # ended before it began
    )
    assert costs == [0] * 9


def test_an_open_task_costs_so_far_then_up_to_the_runs_end(stage: Stage) -> None:
    open_one = hour(1, "running", completed_at=None, machine_type="m5.large")
    assert priced(stage, open_one) == [Decimal("0.1")]
    state = ReportedState.FAILED
    stage.history.say("r", Completed(state=state, instant=T0 + 9 * HOUR, completed_at=T0 + 3 * HOUR))
    stage.project()
    [row] = stage.tables.rows("SELECT cost, wasted, aborted FROM run_figures FINAL")
    assert row == {"cost": Decimal("0.3"), "wasted": Decimal("0.3"), "aborted": 1}


def test_failed_attempts_that_were_retried_are_wasted_too(stage: Stage) -> None:
    priced(
        stage,
        hour(1, "failed", machine_type="m5.large", error_action="RETRY"),
        hour(2, machine_type="m5.large"),
    )
    [row] = stage.tables.rows("SELECT cost, wasted, failed FROM run_figures FINAL")
    assert row == {"cost": Decimal("0.2"), "wasted": Decimal("0.1"), "failed": 0}


def test_hostile_figures_stay_within_a_decimal(stage: Stage) -> None:
    """Ten years, a million CPUs, a PiB: no overflow in one task nor in the sum."""
    hostile: dict[str, Any] = {
        "started_at": 1,
        "completed_at": 10_413_791_999_999,
        "cpus": 1e6,
        "memory_bytes": 2**63 - 1,
    }
    records = [hour(n, cloud_zone="hell-1", **hostile) for n in range(200)]
    records += [hour(200 + n, machine_type="hell", **hostile) for n in range(200)]
    costs = priced(stage, *records)
    years = 315_360_000_000
    flat = Decimal(10_000) * years / HOUR * (10**6 + 2**20)
    assert costs == [flat] * 200 + [Decimal(10_000) * years / HOUR] * 200
    assert stage.tables.value("SELECT cost FROM run_figures FINAL") == sum(filter(None, costs))


def test_sums_are_exact(stage: Stage) -> None:
    """A third of a nano-dollar is rounded down by task, and a thousand tasks add up without an error of binary fractions."""
    records = [hour(n, machine_type="m5.large", completed_at=T0 + 1) for n in range(1000)]
    assert priced(stage, *records)[:1] == [Decimal("0.000000027")]
    assert stage.tables.value("SELECT cost FROM run_figures FINAL") == Decimal("0.000027")


def test_cpu_time_is_the_same_in_any_order(stage: Stage) -> None:
    """Three tenths of a CPU are no binary fraction: their sum would be one thing here and another in a replay."""
    priced(stage, *[hour(n, cpus=0.1 * (1 + n % 3), completed_at=T0 + 1003 + n) for n in range(300)])
    wanted = sum((1003 + n) * (1 + n % 3) // 10 for n in range(300))
    assert stage.tables.value("SELECT cpu_ms FROM run_figures FINAL") == wanted
    assert stage.tables.value("SELECT cpu_ms FROM run_processes FINAL") == wanted


# --- the book ------------------------------------------------------------------------------------


def test_without_a_book_every_cost_is_unknown(tables: Tables) -> None:
    assert put_in_force(tables, None) == price_version(tables) == 0
    assert priced(Stage(tables, LIMITS), hour(1), hour(2, "cached")) == [None, 0]


def test_the_version_rises_only_where_the_content_changed(tables: Tables) -> None:
    assert put_in_force(tables, BOOK) == 1
    assert put_in_force(tables, BOOK) == put_in_force(tables, PriceBook(rates=BOOK.rates[::-1])) == 1
    assert put_in_force(tables, None) == price_version(tables) == 1
    smaller = PriceBook(rates=BOOK.rates[:1])
    assert put_in_force(tables, smaller) == 2
    assert put_in_force(tables, smaller) == 2


def test_only_the_book_in_force_counts(stage: Stage) -> None:
    put_in_force(stage.tables, PriceBook(rates=[Rate(machine_type="new", per_hour=Decimal(7))]))
    assert priced(stage, hour(1, machine_type="m5.large"), hour(2, machine_type="new")) == [None, 7]


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"currency": "EUR", "rates": [{"machine_type": "m", "per_hour": "0.096"}]}))
    assert PriceBook.load(file).rows() == [
        Row("m", "", "", 0, "", "", "0.096", None, None, None, 0, 0, 0, "list", "EUR")
    ]


@pytest.mark.parametrize(
    "rate",
    [
        {"machine_type": "m"},
        {"per_gib_hour": "1"},
        {"machine_type": "m", "per_hour": "-1"},
        {"machine_type": "m", "per_hour": "10001"},
        {"machine_type": "m", "per_hour": "0.0000000001"},
        {"machine_type": "m", "per_hour": "1", "region": "x"},
    ],
)
def test_a_wrong_rate_is_refused(rate: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PriceBook.model_validate({"rates": [rate]})
