"""The partitions of two Faust workers move under load, once by kill -9: nothing is lost, nothing is there twice."""

from collections.abc import Iterator

import pytest

from tests.e2e import load
from tests.e2e.client import Reader, imbalance, until
from tests.e2e.stack import ScaledStack, Service, scaled

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
        with load.running(stack.ingest_urls, threads=3, seconds_between=0.1) as books:
            catches_up(reader)
            for kill in (False, True, False):
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
