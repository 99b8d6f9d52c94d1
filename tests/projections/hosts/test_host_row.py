"""What is said of hosts: whose runs it holds for, and that the newest word on the log counts."""

from typing import Any

from schemas.events import Event
from schemas.hosts.events import Host, HostSeen
from stores.tables.client import Tables
from tests.support.projection import T0, Stage
from tests.support.reference.reducer import Limits


def seen(owner: str = "ann", on_any_run: bool = False, **known: Any) -> Event:
    host = Host.model_validate({"hostname": "n1", "machine_type": "m", "from": T0} | known)
    sender = {"source": "ingest-0", "received_at": T0, "owner": owner, "on_any_run": on_any_run}
    return HostSeen(id=host.model_dump_json(), data=host, **sender)


def rows(tables: Tables) -> list[tuple[Any, ...]]:
    found = tables.rows(
        "SELECT hostname, owner, from_ms, said.machine_type AS type, said.until_ms < 9999999999999 AS ended "
        "FROM (SELECT * FROM hosts FINAL) ORDER BY ALL"
    )
    return [tuple(r.values()) for r in found]


def test_who_may_change_every_run_says_it_for_all_and_others_for_their_own(tables: Tables) -> None:
    stage = Stage(tables, Limits(180_000, 900_000, 300_000))
    stage.history.append(0, seen())
    stage.history.append(0, seen(on_any_run=True))
    stage.history.append(0, seen(owner=""))  # the tracker is open
    stage.project()
    assert rows(tables) == [("n1", "", T0, "m", 0), ("n1", "ann", T0, "m", 0)]


def test_the_newest_word_counts_however_often_it_is_read(tables: Tables) -> None:
    stage = Stage(tables, Limits(180_000, 900_000, 300_000))
    for event in (seen(), seen(machine_type="other"), seen(until=T0 + 5, machine_type="other")):
        stage.history.append(0, event)
    stage.project(most=1)
    stage.projector.project(stage.history.records[:2])  # read again after a rebalance
    assert rows(tables) == [("n1", "ann", T0, "other", 1)]
