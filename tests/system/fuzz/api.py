"""Fuzzes the API by its own OpenAPI (schemathesis): python -m tests.system.fuzz.api [--examples N] [--seed N].

Over a few real runs in chDB. Half of the requests are as the OpenAPI says, half break it. Of each answer: below 500, of a status,
type and shape that the OpenAPI tells of, and not a 2xx to what breaks it.
"""

import argparse
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import OPENAPI_URL, create_app
from projections.consume import setup
from schemas.settings import Settings
from stores.tables.client import Tables
from stores.tables.migrate import migrate
from tests.support.ingest import TOWER_TRACES, Edge, trace
from tests.support.log import NOW, MemoryLog
from tests.system.fuzz.ingest import rss

CHECKS = (not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance)
#: What is judged of an answer's time is its CPU time; on a machine where others work, ten seconds by the clock are no fault.
_PATIENCE_SECONDS = 300
_SMALL_TRACES = ("success", "failed", "retry", "rich", "killed")


@dataclass
class Found:
    """What a round came to."""

    seed: int
    requests: int = 0
    bad: int = 0
    operations: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    slowest_of: str = ""
    rss_early: int = 0
    rss_late: int = 0

    def __str__(self) -> str:
        answers = ", ".join(f"{status}: {n}" for status, n in sorted(self.statuses.items()))
        return (
            f"seed {self.seed}: {self.requests} requests, {self.bad} of them bad, of {self.operations} operations; "
            f"answers {answers}; "
            f"slowest {self.slowest:.2f} s ({self.slowest_of}); RSS {self.rss_early >> 20} MiB after the first operation, "
            f"{self.rss_late >> 20} MiB at the end"
        )


def real_runs(tables: Tables) -> list[str]:
    """Project real traces into the tables; the ids of their runs."""
    edge = Edge()
    for path in TOWER_TRACES:
        if path.name.removesuffix(".jsonl.gz") in _SMALL_TRACES:
            for r in trace(path):
                edge.send(r["method"], r["path"], r["body"])
    projector = setup.projector(tables, Settings(), lambda _topic, _messages: None, threading.Event())
    projector.assign([0])
    projector.project([replace(r, offset=n) for n, r in enumerate(edge.log.records)])
    projector.refresh_all()
    return [r["run_id"] for r in tables.rows("SELECT DISTINCT run_id FROM runs FINAL ORDER BY run_id")]


def fuzz(app: FastAPI, runs: list[str], examples: int, chosen_seed: int) -> Found:
    """So many requests of each operation, good ones and then bad ones. Raises what schemathesis finds, with the request."""
    schema = schemathesis.openapi.from_asgi(OPENAPI_URL, app)
    found = Found(chosen_seed)
    for result in schema.get_all_operations():
        if not isinstance(result, Ok):
            raise result.err()
        operation = result.ok()
        found.operations += 1
        _try(operation, GenerationMode.POSITIVE, runs, examples, found)
        before = found.requests
        with suppress(Unsatisfiable):  # it takes no parameter and no body, so nothing of it can be wrong
            _try(operation, GenerationMode.NEGATIVE, runs, examples, found)
        found.bad += found.requests - before
        found.rss_early = found.rss_early or rss()
    found.rss_late = rss()
    return found


def _try(operation: Any, mode: GenerationMode, runs: list[str], examples: int, found: Found) -> None:
    @seed(found.seed)
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), known=st.none() | st.sampled_from(runs))
    def one(case: Any, known: str | None) -> None:
        if known is not None and "ref" in case.path_parameters:
            case.path_parameters["ref"] = known
        began = time.process_time()
        response = case.call(timeout=_PATIENCE_SECONDS)
        took = time.process_time() - began
        if took > found.slowest:
            found.slowest, found.slowest_of = took, f"{case.method} {case.path}"
        found.requests += 1
        found.statuses[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        # Of a good reference in the place of a bad one schemathesis knows nothing; nor that 413 refuses too.
        if known is None and response.status_code != 413:
            case.validate_response(response, checks=(negative_data_rejection,))

    one()


def fuzz_tables(tables: Tables, examples: int, chosen_seed: int) -> Found:
    """Fuzz the API over empty tables, which it fills with real runs first."""
    runs = real_runs(tables)
    return fuzz(create_app(tables, MemoryLog(), Settings(), lambda: NOW), runs, examples, chosen_seed)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    chosen = parser.parse_args()
    print(f"fuzzing the API, seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tracker-fuzz-") as folder:
        tables = Tables("chdb", Path(folder))
        migrate(tables)
        print(fuzz_tables(tables, chosen.examples, chosen.seed))
        tables.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
