"""Plays a runner: sends the requests of a recorded trace, in order or shuffled, some or half of them twice."""

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.support.stacks.client import Client

TRACES = Path(__file__).resolve().parents[2] / "data" / "traces"
TOWER = sorted(p.name.removesuffix(".jsonl.gz") for p in TRACES.glob("*.gz") if ".weblog." not in p.name)
WEBLOG = sorted(p.name.removesuffix(".jsonl.gz") for p in TRACES.glob("*.weblog.jsonl.gz"))

Request = dict[str, Any]
_SEED = 20_261_124


@dataclass(frozen=True)
class Sent:
    """The run's id as create told it, and the address of its page as begin told it; what was sent how often."""

    run_id: str
    watch_url: str
    requests: int


def load(name: str, run_name: str = "") -> list[Request]:
    """The requests of a trace; under another run name, so that the same trace can be sent twice as two runs."""
    with gzip.open(TRACES / f"{name}.jsonl.gz", "rt") as file:
        requests: list[Request] = [json.loads(line) for line in file]
    if not run_name:
        return requests
    old = name_of(requests)
    renamed: list[Request] = json.loads(json.dumps(requests).replace(json.dumps(old), json.dumps(run_name)))
    return renamed


def name_of(requests: Sequence[Request]) -> str:
    name: str = requests[0]["body"]["runName"]
    return name


def verb(request: Request) -> str:
    name: str = request["path"].rsplit("/", 1)[-1]
    return name


def in_order(requests: Sequence[Request]) -> Iterator[Request]:
    """As it came, with create, complete and every seventh request once more."""
    for n, request in enumerate(requests):
        yield request
        if verb(request) in ("create", "complete") or n % 7 == 3:
            yield request


def shuffled(requests: Sequence[Request]) -> Iterator[Request]:
    """The progress requests in another order, and every request twice with one chance in two."""
    chance = random.Random(_SEED)
    mixed = [r for r in requests if verb(r) == "progress"]
    chance.shuffle(mixed)
    others = iter(mixed)
    for request in requests:
        request = next(others) if verb(request) == "progress" else request
        for _ in range(chance.choice((1, 2))):
            yield request


def send(bases: Sequence[str], requests: Iterator[Request]) -> Sent:
    """Send a Tower trace, each request to the next of the addresses. Every answer must be a 200."""
    run_id = watch_url = ""
    sent = 0
    with _clients(bases) as take:
        for request in requests:
            name = verb(request)
            path = "/trace/create" if name == "create" else f"/trace/{run_id}/{name}"
            answer = next(take).request(request["method"], path, request["body"])
            assert answer.status == 200, f"{path} answered {answer.status}: {answer.body[:300]!r}"
            sent += 1
            if name == "create":
                assert run_id in ("", answer.json["workflowId"]), "a repeated create got another id"
                run_id = answer.json["workflowId"]
            elif name == "begin":
                watch_url = answer.json["watchUrl"]
    return Sent(run_id, watch_url, sent)


def send_weblog(bases: Sequence[str], requests: Iterator[Request]) -> None:
    """Post a weblog trace, each event to the next of the addresses."""
    with _clients(bases) as take:
        for request in requests:
            answer = next(take).request("POST", "/weblog", request["body"])
            assert answer.status == 200, f"weblog answered {answer.status}: {answer.body[:300]!r}"


@contextmanager
def _clients(bases: Sequence[str]) -> Iterator[Iterator[Client]]:
    """A client of each address, in turn, without end."""
    with ExitStack() as stack:
        yield cycle([stack.enter_context(Client(base)) for base in bases])
