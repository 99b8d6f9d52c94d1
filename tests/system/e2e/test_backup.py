"""Backup and restore, as docs/operations.md describes them. Embedded: the folder while it is stopped, or the log alone while it
runs, from which all tables are made again. ClickHouse on a server: its own backup, older than the log."""

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from stores.tables.client import Tables
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.stacks.client import Client
from tests.support.stacks.stack import EmbeddedStack, run_command

RUNS = 5


def say(url: str, number: int, token: str = "any") -> None:
    """One run from its beginning to its end."""
    run = f"run{number}"
    told: list[dict[str, Any]] = [
        {"type": "run.created", "run_id": run, "data": {"name": run, "session_id": "s"}},
        {"type": "tasks.changed", "run_id": run, "data": {"tasks": [{"task_id": 1, "status": "succeeded"}]}},
        {"type": "run.completed", "run_id": run, "data": {"state": "succeeded"}},
    ]
    with Client(url) as client:
        answer = client.request("POST", "/v1/events", told, Authorization=f"Bearer {token}")
    assert answer.status == 200, answer.body


def shown(url: str, token: str = "any") -> list[tuple[str, str, int]]:
    with Client(url) as client:
        runs = client.request("GET", "/api/v1/runs", Authorization=f"Bearer {token}").json["runs"]
    return sorted((r["id"], r["status"], r["tasks"]["succeeded"]) for r in runs)


def balanced(url: str) -> bool:
    with Client(url) as client:
        books = client.request("GET", "/api/v1/books").json
    return bool(books["balanced"]) and books["lag"] == 0


WANTED = [(f"run{n}", "succeeded", 1) for n in range(RUNS)]


def test_a_backup_gives_the_same_runs_again(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path / "first", tick_seconds=1) as stack:
        for n in range(RUNS):
            say(stack.api_url, n)
        stack.up.wait_until(lambda: shown(stack.api_url) == WANTED, "all runs shown", 60)
        online = tmp_path / "online" / "data"
        online.mkdir(parents=True)
        with (
            closing(sqlite3.connect(f"file:{tmp_path / 'first/data/log.sqlite'}?mode=ro", uri=True)) as log,
            closing(sqlite3.connect(online / "log.sqlite")) as copy,
        ):
            log.backup(copy)
        say(stack.api_url, RUNS)  # after the copy was made
        assert stack.up.stop() == 0
    shutil.copytree(tmp_path / "first" / "data", tmp_path / "cold" / "data", symlinks=True)
    shutil.rmtree(tmp_path / "first" / "data")  # nothing of the copy may lead there

    with EmbeddedStack(tmp_path / "cold", tick_seconds=1) as stack:
        stack.up.wait_until(
            lambda: shown(stack.api_url) == [*WANTED, (f"run{RUNS}", "succeeded", 1)], "the cold copy", 60
        )
        assert balanced(stack.api_url)

    settings = {"data": online, "tick_seconds": 1}
    for command in (["migrate"], ["replay", "--exchange"], ["verify"]):
        code, said = run_command(tmp_path, command, **settings)
        assert code == 0, f"{command}: {said}"
    with EmbeddedStack(tmp_path / "online", tick_seconds=1) as stack:
        stack.up.wait_until(lambda: shown(stack.api_url) == WANTED, "the log's copy", 60)
        say(stack.api_url, RUNS)
        stack.up.wait_until(lambda: len(shown(stack.api_url)) == RUNS + 1, "what comes after", 60)
        stack.up.wait_until(lambda: balanced(stack.api_url), "the books", 60)


def test_a_backup_of_the_server_that_is_older_than_the_log(
    tmp_path: Path, clickhouse_server: ClickHouseServer
) -> None:
    tables = Tables(clickhouse_server.database_url("backed_up"), Path())
    server = tables.beside("default")
    with EmbeddedStack(tmp_path / "stack", clickhouse=clickhouse_server.database_url("backed_up")) as stack:
        for n in range(RUNS):
            say(stack.api_url, n)
        stack.up.wait_until(lambda: shown(stack.api_url) == WANTED, "all runs shown", 60)
        code, told = stack.command("token", "create", "ann", "--role", "admin")
        assert code == 0, told
        [secret] = re.findall(r"^trk_[\w-]{43}$", told, re.MULTILINE)
        server.rows("BACKUP DATABASE backed_up TO File('backed_up')")
        stack.up.wait_until(lambda: refused(stack.api_url), "the token counts", 60)
        say(stack.api_url, RUNS, secret)
        wanted = [*WANTED, (f"run{RUNS}", "succeeded", 1)]
        stack.up.wait_until(lambda: shown(stack.api_url, secret) == wanted, "what came after", 60)
        assert stack.up.stop() == 0
        tables.drop_database()

        server.rows("RESTORE DATABASE backed_up FROM File('backed_up')")
        assert tables.value("SELECT uniqExact(run_id) FROM runs") == RUNS
        for command in (["replay", "--exchange"], ["verify"]):
            code, told = stack.command(*command)
            assert code == 0, f"{command}: {told}"
        stack.up.start()
        assert refused(stack.api_url) and shown(stack.api_url, secret) == wanted
    tables.drop_database()
    tables.close()
    server.close()


def refused(url: str) -> bool:
    """Whether nobody gets in without a token."""
    with Client(url) as client:
        return client.request("GET", "/api/v1/runs").status == 401
