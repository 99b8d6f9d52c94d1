"""Costs on announced hosts in the tables: those of the reference, whatever the order, the batches and who comes late."""

import random
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any
from unittest import mock

import pytest

from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from projections.hosts.sharing import HostShares
from projections.project.retention import expire_all
from projections.replay import compare
from schemas.events import Completed, Event, Heartbeat, TasksChanged
from schemas.hosts.events import Host, HostSeen
from schemas.statuses import ReportedState
from stores.tables.client import Tables
from tests.support.projection import T0, Stage, empty, projector, task
from tests.support.reference.hosts import Attempt, HostRate, amount, bill, shares
from tests.support.reference.reducer import Limits
from tests.support.sql import expand

MINUTE, HOUR = 60_000, 3_600_000
LIMITS = Limits(180_000, 900_000, 300_000)
CHANGE = T0 + 7 * MINUTE
BOOK = PriceBook(
    rates=[
        Rate(machine_type="m", per_hour=Decimal("0.9"), price_model="on-demand"),
        Rate(machine_type="m", per_hour=Decimal("0.3"), price_model="spot"),
        Rate(machine_type="changing", per_hour=Decimal("1")),
        Rate(machine_type="changing", per_hour=Decimal("1.3"), valid_from=CHANGE),
        Rate(per_cpu_hour=Decimal("0.04"), per_gib_hour=Decimal("0.01")),
    ]
)
#: Host → what it is, and the reference's rates of it.
HOSTS: dict[str, tuple[dict[str, Any], list[HostRate]]] = {
    "h1": ({"machine_type": "m", "price_model": "Standard"}, [HostRate(0, Fraction(9, 10))]),
    "h2": ({"machine_type": "m", "price_model": "spot"}, [HostRate(0, Fraction(3, 10))]),
    "h3": ({"machine_type": "changing"}, [HostRate(0, Fraction(1)), HostRate(CHANGE, Fraction(13, 10))]),
    "h4": ({"machine_type": "mainframe"}, [HostRate(0, None)]),
    "h5": (
        {"machine_type": "", "cpus": 4, "memory_bytes": 8 * 2**30},
        [HostRate(0, Fraction(16 + 8, 100))],
    ),
}


def seen(hostname: str, owner: str = "ann", on_any_run: bool = True, **known: Any) -> Event:
    host = Host.model_validate({"hostname": hostname} | known)
    sender = {"source": "ingest-0", "received_at": T0, "owner": owner, "on_any_run": on_any_run}
    return HostSeen(id=host.model_dump_json(), data=host, **sender)


@pytest.fixture
def stage(tables: Tables) -> Iterator[Stage]:
    version = put_in_force(tables, BOOK)
    stage = Stage(tables, LIMITS)
    stage.projector = projector(stage.tables, LIMITS, version)
    stage.projector.assign([0])
    yield stage
    assert compare.figures(tables, version) == [], "whatever a test did: all figures are what they should be"


def costs(tables: Tables) -> dict[tuple[str, int], tuple[Decimal | None, str]]:
    rows = tables.rows(
        expand(
            "SELECT run_id, task_id, cost, cost_method FROM {{ task_facts(\"{ids:Array(String)}\") }} WHERE status != 'cached'"
        ),
        ids=[r["run_id"] for r in tables.rows("SELECT DISTINCT run_id FROM runs")],
    )
    return {
        (r["run_id"], r["task_id"]): (r["cost"], r["cost_method"])
        for r in sorted(rows, key=lambda r: (r["run_id"], r["task_id"]))
    }


def attempt(run_id: str, number: int, host: str, start: int, end: int, **known: Any) -> Any:
    """From minute to minute."""
    times = {"started_at": T0 + start * MINUTE, "completed_at": T0 + end * MINUTE}
    return task(run_id, number, "succeeded", **{"hostname": host, "cpus": 1.0} | times | known)


def marks(tables: Tables) -> dict[str, int]:
    return {r["run_id"]: r["mark"] for r in tables.rows("SELECT * FROM host_marks FINAL")}


def say(stage: Stage, *tasks: Any, **sender: Any) -> None:
    by_run = defaultdict(list)
    for t in tasks:
        by_run[t.run_id].append(t)
    for run_id, of_run in by_run.items():
        stage.history.say(run_id, TasksChanged(instant=T0 + HOUR), *of_run, **sender)


def drawn(seed: int) -> dict[tuple[str, int], tuple[str, Attempt]]:
    """Attempts of five runs on all hosts."""
    rnd = random.Random(seed)
    found = {}
    for n in range(60):
        start = T0 + rnd.randrange(20 * MINUTE)
        end = start + rnd.choice([0, 1, rnd.randrange(5 * MINUTE), 5 * MINUTE])
        weight = rnd.choice([250, 500, 1000, 3000, 7000])
        found[f"r{rnd.randrange(5)}", n] = (rnd.choice(list(HOSTS)), Attempt(start, end, weight))
    return found


@pytest.mark.each_store
@pytest.mark.parametrize("seed", range(2))
def test_they_are_those_of_the_reference_in_any_order(stage: Stage, tables: Tables, seed: int) -> None:
    attempts, rnd = drawn(seed), random.Random(seed)
    messages: list[Any] = [("seen", host) for host in HOSTS] * 2 + list(attempts.items()) * 2
    rnd.shuffle(messages)
    for what, said in messages:
        if what == "seen":
            stage.history.append(0, seen(said, **HOSTS[said][0]))
        else:
            host, a = said
            say(
                stage,
                task(
                    what[0],
                    what[1],
                    "succeeded",
                    hostname=host,
                    started_at=a.start,
                    completed_at=a.end,
                    cpus=a.weight / 1000,
                ),
            )
        if len(stage.history.messages) % 50 == 0:
            stage.project()
    stage.project()
    found = costs(tables)
    for host, (_, rates) in HOSTS.items():
        there = {key: a for key, (on, a) in attempts.items() if on == host}
        expected = dict(zip(there, map(amount, shares(rates, list(there.values()))), strict=True))
        assert {key: found[key][0] for key in there} == expected, host
        exact = bill(rates, list(there.values()))
        if exact is not None:
            paid = sum((Fraction(c) for c in expected.values() if c is not None), Fraction(0))
            assert abs(paid - exact) <= Fraction(len(there), 2 * 10**9), (
                "the runs pay the host's bill, but for rounding"
            )
    for figures in tables.rows("SELECT run_id, cost, unpriced, cost_hosts, cost_spot FROM run_figures FINAL"):
        own = {k: c for k, (c, _) in found.items() if k[0] == figures["run_id"]}
        assert figures["cost"] == sum(c for c in own.values() if c is not None) == figures["cost_hosts"]
        assert figures["unpriced"] == sum(c is None for c in own.values())
        spot = [c for k, c in own.items() if attempts[k][0] == "h2"]
        assert figures["cost_spot"] == sum((c for c in spot if c is not None), Decimal(0))


def test_a_late_run_on_the_same_host_prices_the_others_anew(stage: Stage, tables: Tables) -> None:
    stage.history.append(0, seen("h1", **HOSTS["h1"][0]))
    say(stage, attempt("a", 1, "h1", 0, 20), attempt("b", 1, "h1", 30, 40))
    stage.history.say("a", Completed(state=ReportedState.SUCCEEDED, instant=T0 + HOUR))
    stage.project()
    assert costs(tables) == {
        ("a", 1): (Decimal("0.3"), "host-sliced"),
        ("b", 1): (Decimal("0.15"), "host-sliced"),
    }
    before = marks(tables)
    say(stage, attempt("late", 1, "h1", 10, 20))
    stage.project()
    assert [costs(tables)[run, 1][0] for run in ("a", "b", "late")] == [
        Decimal("0.225"),
        Decimal("0.15"),
        Decimal("0.075"),
    ]
    assert marks(tables) == before | {"a": before["a"] + 1}, "b was not there at the time"
    live = costs(tables)
    empty(tables)
    for table in ("hosts", "host_attempts", "host_costs", "host_marks"):
        assert tables.value(f"SELECT count() FROM {table}") == 0
    stage.projector = projector(stage.tables, LIMITS, put_in_force(tables, BOOK))
    stage.projector.assign([0])
    stage.projector.project(stage.history.records)
    stage.projector.refresh_all()
    assert costs(tables) == live, "a replay finds the same"


def test_a_host_that_is_announced_late_prices_the_runs_that_were_on_it(stage: Stage, tables: Tables) -> None:
    say(stage, attempt("a", 1, "h1", 0, 20), attempt("b", 1, "h2", 0, 20))
    stage.project()
    flat = (Decimal("0.013333333"), "flat")
    assert costs(tables) == {("a", 1): flat, ("b", 1): flat}
    stage.history.append(0, seen("h1", **HOSTS["h1"][0]))
    stage.project()
    assert costs(tables) == {("a", 1): (Decimal("0.3"), "host-sliced"), ("b", 1): flat}
    before = marks(tables)
    stage.history.append(0, seen("h1", **HOSTS["h1"][0]))
    stage.project()
    assert marks(tables) == before, "the same word again prices nothing"


def test_a_task_is_on_the_machine_that_its_host_was_in_its_time(stage: Stage, tables: Tables) -> None:
    bounds = [("m", 0, 30), ("changing", 30, 60)]
    for machine, start, end in bounds:
        times: dict[str, Any] = {"from": T0 + start * MINUTE, "until": T0 + end * MINUTE}
        stage.history.append(0, seen("h", machine_type=machine, price_model="on-demand", **times))
    say(stage, *(attempt("a", n, "h", start, start + 10) for n, start in enumerate((10, 25, 40, 70))))
    stage.project()
    assert [cost for cost, _ in costs(tables).values()] == [
        Decimal("0.15"),
        Decimal("0.075") + Decimal("1.3") / 12 // Decimal("1e-9") * Decimal("1e-9"),
        Decimal("0.216666667"),
        Decimal("0.006666666"),  # after its time it is not that host: flat
    ]


def test_whoever_may_not_change_every_run_announces_hosts_of_their_own_runs(
    stage: Stage, tables: Tables
) -> None:
    stage.history.append(0, seen("h1", owner="ann", on_any_run=False, **HOSTS["h1"][0]))
    say(stage, attempt("a", 1, "h1", 0, 20))
    say(stage, attempt("b", 1, "h1", 0, 20), owner="bob")
    stage.project()
    assert [method for _, method in costs(tables).values()] == ["host-sliced", "flat"]
    stage.history.append(0, seen("h1", owner="eve", on_any_run=True, **HOSTS["h2"][0]))
    stage.project()
    assert [cost for cost, _ in costs(tables).values()] == [Decimal("0.05")] * 2, (
        "now it is one host of all, and they share it"
    )


def test_an_open_attempt_costs_so_far_and_shares_the_host_meanwhile(stage: Stage, tables: Tables) -> None:
    stage.history.append(0, seen("h1", **HOSTS["h1"][0]))
    is_open: dict[str, Any] = {"status": "running", "hostname": "h1", "cpus": 1.0, "started_at": T0}
    for run in ("a", "b"):
        stage.history.say(run, TasksChanged(instant=T0 + 10 * MINUTE), task(run, 1, **is_open))
    stage.project()
    assert {c for c, _ in costs(tables).values()} == {Decimal("0.075")}
    stage.history.say("b", Heartbeat(instant=T0 + 20 * MINUTE))
    stage.project()
    assert [c for c, _ in costs(tables).values()] == [Decimal("0.075"), Decimal("0.225")]
    stage.history.say("a", Heartbeat(instant=T0 + 20 * MINUTE))
    stage.project()
    assert {c for c, _ in costs(tables).values()} == {Decimal("0.15")}


def test_a_task_that_moves_leaves_its_host_to_the_others(stage: Stage, tables: Tables) -> None:
    for host in ("h1", "h2"):
        stage.history.append(0, seen(host, **HOSTS[host][0]))
    moving: dict[str, Any] = {"started_at": T0, "cpus": 1.0, "hostname": "h1"}
    stage.history.say("a", TasksChanged(instant=T0 + 20 * MINUTE), task("a", 1, "running", **moving))
    say(stage, attempt("b", 1, "h1", 0, 20))
    stage.project()
    assert [c for c, _ in costs(tables).values()] == [Decimal("0.15")] * 2
    tables.command("OPTIMIZE TABLE tasks FINAL")
    say(stage, attempt("a", 1, "h2", 0, 20))
    stage.project()
    tables.command("OPTIMIZE TABLE tasks FINAL")
    assert [c for c, _ in costs(tables).values()] == [Decimal("0.1"), Decimal("0.3")]


def test_another_worker_finds_what_was_marked(stage: Stage, tables: Tables) -> None:
    """Of two workers each has a partition; the mark of the other's run is found at its next look."""
    stage.history.append(0, seen("h1", **HOSTS["h1"][0]))
    say(stage, attempt("a", 1, "h1", 0, 20))
    stage.project()
    version = stage.projector.price_version
    other = projector(stage.tables, LIMITS, version)
    other.assign([1])
    late = attempt("late", 1, "h1", 0, 20)
    stage.history.say("late", TasksChanged(instant=T0 + HOUR), late, partition=1)
    other.project([stage.history.records[-1]])
    other.refresh_all()
    assert [c for c, _ in costs(tables).values()] == [Decimal("0.3"), Decimal("0.15")], "not its partition"
    stage.projector.assign([0])
    stage.projector.refresh_all()
    assert [c for c, _ in costs(tables).values()] == [Decimal("0.15")] * 2


def test_runs_that_are_deleted_leave_nothing(stage: Stage, tables: Tables) -> None:
    stage.history.append(0, seen("h1", **HOSTS["h1"][0]))
    say(stage, attempt("a", 1, "h1", 0, 20))
    stage.history.say("a", Completed(state=ReportedState.SUCCEEDED, instant=T0 + HOUR))
    stage.project()
    expire_all(tables, T0 + 10 * HOUR)
    for table in ("host_attempts", "host_costs", "host_marks"):
        assert tables.value(f"SELECT count() FROM {table}") == 0


def test_without_a_host_a_refresh_asks_one_question(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rows", "command"):
        monkeypatch.setattr(stage.tables, name, mock.Mock(side_effect=getattr(stage.tables, name)))
    assert HostShares(stage.tables, stage.projector.writer.retrying).price({"a": 1, "b": 2}, 1) == [0, 0]
    assert [c.args[0] for c in stage.tables.rows.mock_calls] == ["SELECT count() > 0 FROM hosts"]  # type: ignore[attr-defined]
    assert not stage.tables.command.mock_calls  # type: ignore[attr-defined]
