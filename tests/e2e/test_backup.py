"""Backup and restore of the embedded mode, as docs/operations.md describes them: the folder while it is stopped, or the log alone
while it runs, from which all tables are made again."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.client import Client
from tests.e2e.stack import EmbeddedStack, run_command

RUNS = 5


def say(url: str, number: int) -> None:
    """One run from its beginning to its end."""
    run = f"run{number}"
    told: list[dict[str, Any]] = [
        {"type": "run.created", "run_id": run, "data": {"name": run, "session_id": "s"}},
        {"type": "tasks.changed", "run_id": run, "data": {"tasks": [{"task_id": 1, "status": "succeeded"}]}},
        {"type": "run.completed", "run_id": run, "data": {"state": "succeeded"}},
    ]
    with Client(url) as client:
        answer = client.request("POST", "/v1/events", told)
    assert answer.status == 200, answer.body


def shown(url: str) -> list[tuple[str, str, int]]:
    with Client(url) as client:
        runs = client.request("GET", "/api/v1/runs").json["runs"]
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
    for command in (["migrate"], ["replay", "--exchange"], ["verify"], ["books", "--check"]):
        code, said = run_command(tmp_path, command, **settings)
        assert code == 0, f"{command}: {said}"
    with EmbeddedStack(tmp_path / "online", tick_seconds=1) as stack:
        stack.up.wait_until(lambda: shown(stack.api_url) == WANTED, "the log's copy", 60)
        say(stack.api_url, RUNS)
        stack.up.wait_until(lambda: len(shown(stack.api_url)) == RUNS + 1, "what comes after", 60)
        stack.up.wait_until(lambda: balanced(stack.api_url), "the books", 60)
