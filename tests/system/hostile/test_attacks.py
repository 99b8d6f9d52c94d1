"""Every attack on one running tracker, embedded and scaled: it goes on projecting others, and nobody speaks for another."""

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.services.process import most_resident
from tests.support.stacks.client import Client, Reader, until
from tests.support.stacks.stack import EmbeddedStack, ScaledStack, Stack, shared
from tests.system.hostile.attacks import INSTANT, Target, attacks

#: What one process may take at most, and for how long its own code may hold its event loop.
MOST_BYTES, MOST_HELD = 10**9, 0.25

SCALED = pytest.param("scaled", marks=[pytest.mark.kafka, pytest.mark.clickhouse])


@pytest.fixture(params=["embedded", SCALED])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    settings = {"tokens_seconds": 0.5, "rate_per_second": 1000, "metrics_port": 0}
    made: Stack = (
        shared(request, tmp_path, **settings)
        if request.param == "scaled"
        else EmbeddedStack(tmp_path, **settings)
    )
    if isinstance(made, ScaledStack):
        assert made.command("migrate")[0] == 0
    with_token = made.settings  # the first token is made at the command line, before anybody can ask
    code, told = made.command("token", "create", "root", "--role", "admin")
    assert code == 0, told
    [with_token["token"]] = re.findall(r"^trk_[\w-]{43}$", told, re.MULTILINE)
    with made:
        yield made


def bearer(secret: object) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def token_of(stack: Stack, owner: str, role: str = "runner") -> dict[str, str]:
    with Client(stack.api_url, **bearer(stack.settings["token"])) as admin:
        made = admin.request("POST", "/api/v1/tokens", {"name": owner, "owner": owner, "role": role})
        assert made.status == 201, made.body
        return bearer(made.json["secret"])


def held(url: str) -> tuple[int, int, str]:
    """How often the event loop was held longer than allowed, of how many looks; and how late looks came, for people."""
    with Client(url) as client:
        text = client.request("GET", "/metrics").body.decode()
    looks = {
        le: float(n)
        for le, n in re.findall(r'tracker_event_loop_held_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    }
    late = re.findall(r'tracker_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    return (
        int(looks["+Inf"] - looks[str(MOST_HELD)]),
        int(looks["+Inf"]),
        ", ".join(f"{le}: {n}" for le, n in late),
    )


def test_the_tracker_goes_on_under_every_attack(stack: Stack) -> None:
    ann, bob = token_of(stack, "ann"), token_of(stack, "bob")
    edges = stack.ingest_urls
    with (
        Client(edges[0], **ann) as victim,
        Client(edges[-1], **bob) as mallory,
        Client(stack.api_url, **token_of(stack, "bob", "viewer")) as curious,
        Reader(stack.api_url, **bearer(stack.settings["token"])) as reader,
    ):

        def known() -> bool:
            reporting = all(c.request("GET", "/user-info").status == 200 for c in (victim, mallory))
            return reporting and curious.request("GET", "/api/v1/runs").status == 200

        until("all tokens are known", lambda: not known())
        body = {"runName": "victim", "sessionId": "v", "instant": INSTANT}
        run_id = victim.request("POST", "/trace/create", body).json["workflowId"]
        report(victim, run_id, "begin", {"workflow": {"runName": "victim", "sessionId": "v"}})
        until("the victim is shown", lambda: not shown(reader, run_id))
        target = Target(mallory, curious, run_id, [*edges, stack.api_url], stack.probe_urls)
        for n, (name, attack) in enumerate(attacks(), 1):
            attack(target)
            task = {"taskId": n, "status": "COMPLETED", "name": name, "process": "P"}
            report(victim, run_id, "progress", {"tasks": [task]})
            began = time.monotonic()
            until(f"what others send is projected after {name}", partial(missing, reader, run_id, n), 10)
            print(f"{name}: others were projected after {time.monotonic() - began:.1f} s", flush=True)
            for url in {*edges, stack.api_url}:
                too_long, looks, _ = held(url)
                assert not too_long, f"{name}: the loop of {url} was held {too_long} times of {looks}"
            for page in ("/", f"/runs/{run_id}", "/ops", "/api/v1/runs", "/readyz"):
                answer = reader.request("GET", page)
                assert answer.status == 200, (name, page, answer.status, answer.body[:300])
        before = reader.run(run_id)
        assert (before["name"], before["owner"], before["labels"]) == ("victim", "ann", [])
        until("one alert tells of many", lambda: all(a["run_id"] for a in reader.get("/alerts")["alerts"]))
        report(victim, run_id, "complete", {"workflow": {"runName": "victim", "success": True}})
        until("the victim's own end counts", lambda: reader.run(run_id)["status"] != "succeeded", 60)
    measured(stack)


def report(client: Client, run_id: str, verb: str, body: dict[str, Any]) -> None:
    answer = client.request("PUT", f"/trace/{run_id}/{verb}", {"instant": INSTANT} | body)
    assert answer.status == 200, answer.body


def shown(reader: Reader, run_id: str) -> bool:
    return reader.request("GET", f"/api/v1/runs/{run_id}").status == 200


def missing(reader: Reader, run_id: str, tasks: int) -> int:
    return tasks - int(reader.run(run_id)["tasks"]["succeeded"])


def measured(stack: Stack) -> None:
    for service in stack.services:
        assert service.alive(), service.name
        most = most_resident(service.pid)
        print(f"{service.name}: {most / 1e6:.0f} MB at most")
        assert most < MOST_BYTES, service.name
    for url in {*stack.ingest_urls, stack.api_url}:
        too_long, looks, late = held(url)
        print(f"{url}: its loop was held too long {too_long} times of {looks}; late by {late}")
        assert looks > 20 and not too_long
