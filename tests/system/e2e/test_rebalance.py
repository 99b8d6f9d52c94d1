"""The partitions of two Faust workers move under load, once by kill -9: nothing is lost, nothing is there twice."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from schemas.settings import Settings
from stores.tables.client import open_tables
from tests.support.stacks import load, runner
from tests.support.stacks.client import Reader, imbalance, until
from tests.support.stacks.stack import ScaledStack, Service, scaled
from tests.system.chaos.patient import NEXTFLOW_26_04, Books, Patient

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]
# A killed worker is noticed after broker_session_timeout (10 s), and then the backlog is read.
_TAKEOVER_SECONDS = 60


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScaledStack]:
    # Short, so that statuses change, and are told and written, while the partitions move.
    with scaled(
        tmp_path_factory.mktemp("rebalance"), tick_seconds=1, disconnected_after_seconds=4
    ) as running:
        yield running


def test_nothing_is_lost_when_partitions_move(stack: ScaledStack) -> None:
    stays, moves = stack.projectors
    with Reader(stack.api_url) as reader:
        with load.running(stack.ingest_urls, threads=2, seconds_between=0.2) as books:
            catches_up(reader)
            for kill in (False, True):
                stop(moves, kill)
                catches_up(reader)
                moves.start()
                catches_up(reader)
        until("all is projected", lambda: imbalance(reader), _TAKEOVER_SECONDS)
        assert len(books.runs) >= 8
        assert reader.books()["on_log"] == books.requests
        for run_id, counts in books.runs.items():
            until(f"{run_id} is shown", lambda run=run_id, c=counts: unlike(reader, run, c))  # type: ignore[misc]
        for run_id in books.silent:
            until(f"{run_id} is missed", lambda run=run_id: reader.run(run)["status"] != "disconnected")  # type: ignore[misc]
            told = [t["to"] for t in reader.get(f"/runs/{run_id}/transitions")["transitions"]]
            assert told.count("disconnected") == 1
    assert stays.stop() == 0
    assert moves.stop() == 0
    assert stack.command("verify") == (0, "figures, tables and log agree\n")
    code, output = stack.command("replay")
    assert (code, output.strip()) == (0, "the rebuilt tables are identical")


def test_a_worker_stops_while_clickhouse_is_away_and_the_next_one_goes_on(stack: ScaledStack) -> None:
    worker = stack.projectors[0].start()
    stack.server.kill()
    requests = runner.load("success", "while_clickhouse_was_away")
    sent = runner.send(stack.ingest_urls, runner.in_order(requests))
    until(
        "it meets the outage", lambda: "clickhouse refused" not in worker.log.read_text(), _TAKEOVER_SECONDS
    )
    assert worker.stop() == 0
    stack.server.start()
    worker.start()
    with Reader(stack.api_url) as reader:
        until("all is projected", lambda: imbalance(reader), _TAKEOVER_SECONDS)
        until("it has succeeded", lambda: reader.run(sent.run_id)["tasks"]["succeeded"] != 25)
    assert worker.stop() == 0
    assert stack.command("verify") == (0, "figures, tables and log agree\n")


def test_a_rolling_restart_of_ingest_breaks_no_request(stack: ScaledStack) -> None:
    """A balancer goes on to the next process when a connection is refused; one that was accepted gets its 2xx."""
    worker = stack.projectors[0].start()
    books = Books()
    runners = [
        Patient(stack.ingest_urls, NEXTFLOW_26_04, books, random.Random(n), drops=0, timeout=30)
        for n in range(4)
    ]
    with Reader(stack.api_url) as reader, ThreadPoolExecutor() as pool:
        before = reader.books()["accepted"]
        playing = [pool.submit(r.play, f"rolling-{n}", 8) for n, r in enumerate(runners)]
        for service in [*stack.ingests, *stack.ingests]:
            assert service.stop() == 0
            service.start()
        for done in playing:
            done.result()
        until("all is projected", lambda: imbalance(reader), _TAKEOVER_SECONDS)
        assert reader.books()["accepted"] - before == books.accepted
    assert books.lost == [] and books.answers["200"] == books.accepted
    assert books.answers.keys() <= {"200", "ConnectionRefusedError"}
    assert worker.stop() == 0


def test_clickhouse_is_lost_and_the_tables_are_made_again_from_the_log(stack: ScaledStack) -> None:
    """As docs/operations.md says it. No projector runs: the tests before stopped them."""
    with Reader(stack.api_url) as reader:
        before = ended(reader)
        assert len(before) > 10
        tables = open_tables(Settings(clickhouse=stack.server.url))
        tables.drop_database()
        tables.close()
        for command in (["migrate"], ["replay", "--exchange"], ["verify"]):
            code, output = stack.command(*command)
            assert code == 0, (command, output)
        assert ended(reader) == before
        worker = stack.projectors[0].start()
        until("the books balance", lambda: imbalance(reader), _TAKEOVER_SECONDS)
        assert ended(reader) == before
    assert worker.stop() == 0


def ended(reader: Reader) -> dict[str, Any]:
    """Of the runs that are over: id → what is shown."""
    shown = ("name", "status", "tasks", "duration_ms", "peak_concurrency", "error")
    runs = [
        run for run in reader.paged("/runs", "runs") if run["completed_at"] or run["status"] == "succeeded"
    ]
    return {run["id"]: [run[field] for field in shown] for run in runs}


def stop(worker: Service, kill: bool) -> None:
    if kill:
        worker.kill()
    else:
        assert worker.stop() == 0


def catches_up(reader: Reader) -> None:
    """All that is on the log by now becomes projected, whoever has the partitions."""
    accepted = reader.books()["accepted"]

    def behind() -> str:
        b = reader.books()
        return f"{b}" if b["projected"] + b["dead_lettered"] < accepted else ""

    until(f"{accepted} requests are projected", behind, _TAKEOVER_SECONDS)


def unlike(reader: Reader, run_id: str, counts: dict[str, int]) -> str:
    run = reader.run(run_id)
    shown = {k: v for k, v in run["tasks"].items() if v and k != "total"}
    return (
        ""
        if (run["status"], shown) == ("succeeded", dict(counts))
        else f"{run['status']} {shown}, not {counts}"
    )
