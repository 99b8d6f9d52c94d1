"""Records the fixture of `test_upgrade.py` with another version of the tracker.

`python -m tests.upgrade.record CHECKOUT` runs `tracker up` of the checkout on a fresh data folder, sends it recorded traces,
native events, acts of people and bad input, keeps what the API answers, stops the tracker and packs the folder. Run it with
a checkout of the last released version before a release that changes the log or the tables.
"""

import json
import lzma
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from tests.support.services.process import Child, free_port
from tests.support.stacks import runner
from tests.support.stacks.client import Client, Reader, imbalance, until

DATA = Path(__file__).parent / "data"
ARCHIVE = DATA / "folder.tar.xz"
SNAPSHOT = DATA / "answers.json.xz"
PRICES = DATA / "prices.json"
SPOOL = DATA / "spool"
SPOOLED = DATA / "spooled.json"
SETTINGS: dict[str, object] = {"tick_seconds": 1, "rate_per_second": 0, "price_book": PRICES}

_TRACES = ("success", "failed", "retry", "resume", "killed")
_WEBLOG = ("resume.weblog",)
_COMMAND = [sys.executable, "-c", "from tracker.cli import app; app()"]
_START = 1_795_546_905_000

#: Appends to a spool whose log is away; its argument is the folder. Runs in the other checkout.
_SPOOL_SCRIPT = """
import asyncio, json, sys
from pathlib import Path
from stores.spool import SpooledLog
from stores.log import LogUnavailable

class Away:
    async def start(self): raise LogUnavailable("away")
    async def stop(self): pass
    async def append(self, *_): raise LogUnavailable("away")

MESSAGES = [
    ("tracker.events", "run-a", "run.created", b'{"first":1}\\n'),
    ("tracker.events", "run-b", "run.created", b'{"other":"\\xc3\\xa4\\n"}'),
    ("tracker.events", "run-a", "tasks.changed", b'{"second":2}\\n[{"task_id":1}]'),
    ("tracker.events", "", "request.unreadable", bytes(range(256))),
    ("tracker.events", "run-a", "run.completed", b""),
]

async def main():
    log = SpooledLog(Away(), Path(sys.argv[1]), 10**6, 0.05)
    await log.start()
    for message in MESSAGES:
        await log.append(*message)
    log._draining.cancel()
    log._spool.close()

asyncio.run(main())
print(json.dumps([[t, k, y, v.hex()] for t, k, y, v in MESSAGES]))
"""


def main(checkout: Path) -> None:
    """Write all files of `data/` but the prices anew."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _record_folder(checkout, folder)
        _record_spool(checkout, folder)


def _record_folder(checkout: Path, folder: Path) -> None:
    data, port = folder / "data", free_port()
    settings = SETTINGS | {"data": data, "port": port}
    env = _environment(checkout) | {f"TRACKER_{k.upper()}": str(v) for k, v in settings.items()}
    up = Child([*_COMMAND, "up"], folder / "up.log", cwd=checkout, env=env)
    base = f"http://127.0.0.1:{port}"
    try:
        with Client(base) as client:
            up.wait_until(lambda: _ready(client), "tracker up", 60)
        answers = _feed(base)
        code = up.terminate(30)
    finally:
        up.kill()
    if code:
        raise SystemExit(f"tracker up ended with {code}:\n{up.log_tail()}")
    SNAPSHOT.write_bytes(lzma.compress(json.dumps(answers, sort_keys=True).encode(), preset=9))
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as tar:
        tar.add(data, "data", filter=_plain)
    print(f"{ARCHIVE.stat().st_size} bytes, {len(answers['answers'])} answers")


def _record_spool(checkout: Path, folder: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _SPOOL_SCRIPT, str(folder / "spool")],
        cwd=checkout,
        env=_environment(checkout),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    SPOOL.mkdir(exist_ok=True)
    for file in (folder / "spool").iterdir():
        (SPOOL / file.name).write_bytes(file.read_bytes())
    SPOOLED.write_text(ran.stdout.splitlines()[-1] + "\n")  # before it, the log


def _environment(checkout: Path) -> dict[str, str]:
    """Ours without settings, importing the other checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    return kept | {"PYTHONPATH": str(checkout)}


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _ready(client: Client) -> bool:
    try:
        return client.request("GET", "/readyz").status == 200
    except OSError:
        client.close()
        return False


def _feed(base: str) -> dict[str, Any]:
    """Send everything; the token that was made, and what the API answered to each path."""
    runs = [runner.send([base], runner.in_order(runner.load(name))).run_id for name in _TRACES]
    for name in _WEBLOG:
        runner.send_weblog([base], runner.in_order(runner.load(name)))
    with Client(base) as client:
        _bad_input(client, runs[0])
        made = client.request("POST", "/api/v1/tokens", {"name": "upgrade", "role": "admin"}).json["secret"]
        token = {"Authorization": f"Bearer {made}"}

        def ask(method: str, path: str, body: Any) -> None:
            answer = client.request(method, path, body, **token)
            assert answer.status < 300, f"{method} {path} answered {answer.status}: {answer.body!r}"

        with Reader(base, **token) as reader:
            until("all is projected", lambda: imbalance(reader))
            _people(ask, runs)
            ask("POST", "/v1/events", _native())
            until("all is projected", lambda: imbalance(reader))
            until("the native run is silent", lambda: reader.run("silent-native")["status"] != "disconnected")
            until("it is told", lambda: not reader.get("/alerts?kind=disconnected")["alerts"])
            return {"token": made, "answers": {path: reader.get(path) for path in paths(reader)}}


def _bad_input(client: Client, run: str) -> None:
    """Requests that become dead letters."""
    for path, body in (
        (f"/trace/{run}/progress", b"<html>"),
        (f"/trace/{run}/progress", {"tasks": [7, {"taskId": "x"}], "instant": _START}),
        ("/weblog", b"[]"),
    ):
        answer = client.request("POST" if path == "/weblog" else "PUT", path, body)
        assert answer.status == 200, f"{path} answered {answer.status}: {answer.body!r}"


def _people(ask: Any, runs: list[str]) -> None:
    """What people do: notes, an analysis, labels, a hidden run."""
    ask("POST", f"/api/v1/runs/{runs[1]}/notes", {"text": "The *disk* was full.", "author": "Ada"})
    ask("PUT", f"/api/v1/runs/{runs[1]}/analysis", {"text": "# Cause\n\nNo space left.", "author": "bot"})
    ask("PUT", f"/api/v1/runs/{runs[0]}/labels", {"labels": ["nightly", "tracker.stalled-after=3600"]})
    ask("PUT", f"/api/v1/runs/{runs[2]}/hidden", {"hidden": True, "by": "Ada"})


def _native() -> list[dict[str, Any]]:
    """Two runs of another runner: one is over, one falls silent under a threshold of its own."""
    task = {"task_id": 1, "status": "succeeded", "name": "align (1)", "process": "align", "exit": 0}
    times = {"submitted_at": _START, "started_at": _START + 1000, "completed_at": _START + 61_000}
    labels = ["native", "tracker.disconnected-after=2"]
    over, silent = "over-native", "silent-native"
    return [
        {"type": "run.created", "run_id": over, "data": {}},
        {
            "type": "run.begun",
            "run_id": over,
            "data": {"instant": _START, "workflow": {"name": "over-native"}},
        },
        {
            "type": "tasks.changed",
            "run_id": over,
            "data": {"instant": _START + 61_000, "tasks": [task | times]},
        },
        {"type": "run.completed", "run_id": over, "data": {"instant": _START + 62_000, "state": "succeeded"}},
        {"type": "run.labelled", "run_id": silent, "data": {"labels": labels}},
        {
            "type": "run.begun",
            "run_id": silent,
            "data": {"instant": _START, "workflow": {"name": "silent-native"}},
        },
    ]


def paths(reader: Reader) -> list[str]:
    """Every question of which the answer is kept."""
    found = ["/runs", "/runs?hidden=true", "/runs?sort=-duration_ms", "/runs?label=nightly", "/dead-letters"]
    found += ["/alerts", "/books", "/tokens"]
    found += [f"/dead-letters/{letter['id']}" for letter in reader.dead_letters()]
    for run in reader.get("/runs?hidden=true")["runs"]:
        parts = ("processes", "tasks", "concurrency", "history", "transitions", "costs", "notes")
        found += [f"/runs/{run['id']}", *(f"/runs/{run['id']}/{part}" for part in parts)]
        tasks = reader.get(f"/runs/{run['id']}/tasks")["tasks"]
        found += [f"/runs/{run['id']}/tasks/{t['task_id']}" for t in tasks[:2]]
        if reader.request("GET", f"/api/v1/runs/{run['id']}/analysis").status == 200:
            found.append(f"/runs/{run['id']}/analysis")
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
