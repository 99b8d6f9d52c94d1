"""Real traces, priced flat, by the type of their machines and by their hosts: what their records give."""

from decimal import Decimal
from fractions import Fraction

import pytest

from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from schemas import wire
from schemas.events import TASK_RECORDS, Completed, TaskRecord, TasksChanged
from schemas.hosts.events import Host, HostSeen
from schemas.statuses import RANKS, ReportedState
from stores.tables.client import Tables
from tests.support.ingest import Edge, trace
from tests.support.projection import Stage
from tests.support.reference.figures import ms
from tests.support.reference.hosts import Attempt, HostRate, bill
from tests.support.reference.reducer import Limits

BOOK = PriceBook(
    rates=[
        Rate(machine_type="m", per_hour=Decimal("0.8"), vcpus=16, memory_mib=65536),
        Rate(per_cpu_hour=Decimal("0.04"), per_gib_hour=Decimal("0.004")),
    ]
)
HOURS, HOSTS = 3_600_000, 3


def records(name: str) -> list[TaskRecord]:
    """The last record of each task of the trace."""
    edge, run_id = Edge(), ""
    last: dict[int, TaskRecord] = {}
    for request in trace(name):
        verb = request["path"].rsplit("/", 1)[-1]
        path = "/trace/create" if verb == "create" else f"/trace/{run_id}/{verb}"
        answer = edge.send(request["method"], path, request["body"])
        run_id = answer["workflowId"] if verb == "create" else run_id
        _, rows = wire.decode(edge.log.records[-1].value)
        for task in TASK_RECORDS.validate_json(b"[" + rows + b"]"):
            if task.task_id not in last or RANKS[task.status] >= RANKS[last[task.task_id].status]:
                last[task.task_id] = task
    return [t for t in last.values() if t.started_at and t.completed_at and t.status != "cached"]


@pytest.mark.parametrize("name", ["rich", "larger"])
def test_a_trace_costs_what_its_records_give(tables: Tables, name: str) -> None:
    told = records(name)
    put_in_force(tables, BOOK)
    stage = Stage(tables, Limits(180_000, 900_000, 300_000))
    for n in range(HOSTS):
        host = Host(hostname=f"node-{n}", machine_type="m")
        stage.history.append(
            0, HostSeen(id=f"node-{n}", source="t", received_at=0, on_any_run=True, data=host)
        )
    for run in ("flat", "machine", "host"):
        tasks = [
            t.model_copy(
                update={
                    "run_id": run,
                    "machine_type": "m" if run == "machine" else None,
                    "hostname": f"node-{t.task_id % HOSTS}" if run == "host" else None,
                }
            )
            for t in told
        ]
        stage.history.say(run, TasksChanged(), *tasks)
        stage.history.say(run, Completed(state=ReportedState.SUCCEEDED))
    stage.project()
    rows = tables.rows("SELECT run_id, cost, cost_flat, cost_hosts, unpriced FROM run_figures FINAL")
    found = {r["run_id"]: r for r in rows}
    assert all(r["unpriced"] == 0 for r in rows)
    rounding = Fraction(2 * len(told), 10**9)
    flat = sum(
        (hours(t) * (cpus(t) * Fraction(4, 100) + gib(t) * Fraction(4, 1000)) for t in told), Fraction(0)
    )
    machine = sum((hours(t) * Fraction(8, 10) * max(cpus(t) / 16, gib(t) / 64) for t in told), Fraction(0))
    hosts = Fraction(0)
    for n in range(HOSTS):
        there = [
            Attempt(ms(t.started_at) or 0, ms(t.completed_at) or 0, 1) for t in told if t.task_id % HOSTS == n
        ]
        hosts += bill([HostRate(0, Fraction(8, 10))], there) or Fraction(0)
    for run, exact in (("flat", flat), ("machine", machine), ("host", hosts)):
        assert exact > 0 and abs(Fraction(found[run]["cost"]) - exact) <= rounding, run
    assert found["flat"]["cost_flat"] == found["flat"]["cost"]
    assert found["host"]["cost_hosts"] == found["host"]["cost"]
    assert found["machine"]["cost_flat"] == found["machine"]["cost_hosts"] == 0


def hours(task: TaskRecord) -> Fraction:
    return Fraction((ms(task.completed_at) or 0) - (ms(task.started_at) or 0), HOURS)


def cpus(task: TaskRecord) -> Fraction:
    return Fraction(task.cpus if task.cpus is not None else 1)


def gib(task: TaskRecord) -> Fraction:
    return Fraction((task.memory_bytes or 0) // 2**20, 1024)
