"""This version opens the data folder and the spool that the version before wrote, and answers as that one did."""

import asyncio
import json
import lzma
import shutil
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from projections.alerts.episodes import DEAD_LETTERS_LAST, FAILED_LASTS
from schemas.values import iso
from stores.spool.spool import SpooledLog
from tests.support.log import MemoryLog
from tests.support.stacks.client import Reader, until
from tests.support.stacks.stack import EmbeddedStack
from tests.upgrade.record import ARCHIVE, SETTINGS, SNAPSHOT, SPOOL, SPOOLED

SNAPSHOT_JSON: dict[str, Any] = json.loads(lzma.decompress(SNAPSHOT.read_bytes()))
ANSWERS: dict[str, Any] = SNAPSHOT_JSON["answers"]

#: What grows with every tick of the clock, or says when it was asked.
MOVING = {"as_of", "accepted", "on_log", "projected", "watermark"}


#: What a run without a task cost was not known, and is nothing now.
NOTHING = {"amount": "0", "wasted": "0", "if_all_spot": {"amount": "0", "complete": True}, "complete": True}


def mended(old: Any, new: Any, where: str) -> bool:
    """Whether the old answer was wrong, and the new one is right."""
    path, _, field = where.rpartition(".")
    if field == "resume_command":  # Nextflow refuses a name that its history has
        return str(old).startswith(f"{new} -name ")
    if path.endswith(
        ".pricing"
    ):  # the book is described now, so it is another version, and more is said of how it is used
        return (field, old, new) == ("version", 1, 2) or field == "rule"
    return path.endswith("/costs") and field in NOTHING and old in (None, False) and new == NOTHING[field]


def ended_by_now(alert: dict[str, Any]) -> dict[str, Any]:
    """The alert as it is today: some kinds end by themselves a while after they fired."""
    fired_at = datetime.fromisoformat(alert["fired_at"])
    lasts_ms = {"dead-letters": DEAD_LETTERS_LAST, "failed": FAILED_LASTS}.get(alert["kind"])
    if lasts_ms is None or fired_at + timedelta(milliseconds=lasts_ms) > datetime.now(UTC):
        return alert
    ended_ms = round(fired_at.timestamp() * 1000) + lasts_ms
    return {**alert, "state": "resolved", "resolved_at": iso(ended_ms)}


def lacking(old: Any, new: Any, where: str = "") -> list[str]:
    """Where the new answer lacks what the old one said. Fields may be added to it."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [x for k in old.keys() - MOVING for x in lacking(old[k], new.get(k), f"{where}.{k}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [x for i, o in enumerate(old) for x in lacking(o, new[i], f"{where}[{i}]")]
    return [] if old == new or mended(old, new, where) else [f"{where}: {new!r:.200}, not {old!r:.200}"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    folder = tmp_path_factory.mktemp("upgrade")
    with tarfile.open(ARCHIVE) as tar:
        tar.extractall(folder, filter="data")
    with EmbeddedStack(folder, **SETTINGS) as running:
        yield running


def test_an_upgraded_folder_gives_the_same_answers_verifies_and_replays(stack: EmbeddedStack) -> None:
    with Reader(stack.api_url, Authorization=f"Bearer {SNAPSHOT_JSON['token']}") as reader:

        def differences() -> list[str]:
            paths = ANSWERS.keys() - {"/alerts"}
            return [x for path in paths for x in lacking(ANSWERS[path], reader.get(path), path)]

        until("the new version has caught up", lambda: reader.run("killed_hilbert")["status"] == "unknown")
        until(
            "the alerts that end by themselves have ended",
            lambda: lacking(
                [ended_by_now(alert) for alert in ANSWERS["/alerts"]["alerts"]],
                reader.get("/alerts")["alerts"],
            ),
        )
        assert differences() == []
        until(
            "all is priced anew",
            lambda: [r["name"] for r in reader.get("/runs")["runs"] if _former(r["cost"])],
        )
    assert stack.up.stop() == 0
    assert stack.command("verify") == (0, "figures, tables and log agree\n")
    # What only this version keeps of an event is in the rows that it makes anew.
    code, output = stack.command("replay", "--exchange")
    tables = {line.partition(":")[0] for line in output.splitlines() if " rows only in " in line}
    assert (code, tables) == (0, {"runs"}), output
    code, output = stack.command("replay")
    assert (code, output.splitlines()[-1]) == (0, "the rebuilt tables are identical")


def _former(cost: Any) -> bool:
    """Whether the figure is one of a version that did not say how it was made."""
    return bool(cost and cost["method"] is None and cost["amount"] != "0")


def test_what_was_spooled_reaches_the_log_in_order(tmp_path: Path) -> None:
    shutil.copytree(SPOOL, tmp_path / "spool")
    messages = [
        (topic, key, type, bytes.fromhex(v)) for topic, key, type, v in json.loads(SPOOLED.read_text())
    ]

    async def drained() -> MemoryLog:
        inner = MemoryLog()
        log = SpooledLog(inner, tmp_path / "spool", 10**6)
        await log.start()
        assert log.spooled == len(messages)
        await log.stop()
        assert log.spooled == 0
        return inner

    records = asyncio.run(drained()).records
    for key in {key for _, key, _, _ in messages}:
        found = [(r.type, r.value) for r in records if r.key == key]
        assert found == [(type, value) for _, k, type, value in messages if k == key]
