"""What a real Nextflow sent becomes right figures, embedded and scaled, in order and shuffled."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.stacks import runner
from tests.support.stacks.client import Client, Reader, imbalance, until
from tests.support.stacks.expected import Expected, expect, without_cached
from tests.support.stacks.stack import EmbeddedStack, Stack, shared

_WEBLOG_CLOCK_MS = 1000  # its own times have ms, but the twin was told by another observer of the same run


@pytest.fixture(
    scope="module",
    params=["embedded", pytest.param("scaled", marks=[pytest.mark.kafka, pytest.mark.clickhouse])],
)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    with EmbeddedStack(folder) if request.param == "embedded" else shared(request, folder) as running:
        yield running


@pytest.mark.parametrize("name", runner.TOWER)
def test_in_order(stack: Stack, name: str) -> None:
    requests = runner.load(name)
    sent = runner.send(stack.ingest_urls, runner.in_order(requests))
    shows(stack, sent.run_id, expect(requests))
    opens(stack, sent)


@pytest.mark.parametrize("name", runner.TOWER)
def test_shuffled_and_half_of_it_twice(stack: Stack, name: str) -> None:
    requests = runner.load(name, f"{name.replace('.', '_')}_shuffled")
    sent = runner.send(stack.ingest_urls, runner.shuffled(requests))
    shows(stack, sent.run_id, expect(requests))


@pytest.mark.parametrize("name", runner.WEBLOG)
def test_weblog_gives_the_counts_of_its_tower_twin(stack: Stack, name: str) -> None:
    requests = runner.load(name)
    twin = without_cached(expect(runner.load(name.removesuffix(".weblog"))))
    *before, last = requests
    runner.send_weblog(stack.ingest_urls, runner.in_order(before))
    with Reader(stack.api_url) as reader:
        run_id = weblog_run(reader, twin.session_id)
        run = reader.run(run_id)
        assert (run["status"], run["liveness"]) == ("running", "unknown")
    runner.send_weblog(stack.ingest_urls, iter([last, last]))
    shows(stack, run_id, twin, started_within_ms=_WEBLOG_CLOCK_MS)


def test_the_books_are_balanced(stack: Stack) -> None:
    with Reader(stack.api_url) as reader:
        until("all is projected", lambda: imbalance(reader))
        assert reader.books()["repeats"] > 0
        assert reader.books()["dead_lettered"] == 0
        assert reader.dead_letters() == []


def test_figures_and_log_agree(stack: Stack) -> None:
    """`tracker verify`; beside a running `tracker up` it says that this must be stopped."""
    code, output = stack.command("verify")
    if isinstance(stack, EmbeddedStack):
        assert code == 1
        assert "stop" in output
    else:
        assert (code, output.strip()) == (0, "figures, tables and log agree"), output


def test_tracker_up_starts_again_and_shows_the_same(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path) as stack:
        for name in ("failed", "larger", "hung"):
            requests = runner.load(name)
            sent = runner.send(stack.ingest_urls, runner.in_order(requests))
            shows(stack, sent.run_id, expect(requests))
        before = listed(stack)
        assert stack.up.stop() == 0
        stack.start()
        assert listed(stack) == before
        stack.up.kill()
        stack.start()
        assert listed(stack) == before
        assert stack.up.stop() == 0
        code, output = stack.command("verify")
        assert (code, output.strip()) == (0, "figures, tables and log agree"), output


def shows(stack: Stack, run_id: str, e: Expected, started_within_ms: int = 0) -> None:
    """The API shows the run as expected, soon."""
    with Reader(stack.api_url) as reader:
        until(f"{e.name} is shown", lambda: differences(reader, run_id, e, started_within_ms))


def differences(reader: Reader, run_id: str, e: Expected, within_ms: int) -> list[str]:
    """Where the API shows something else than expected, in words."""
    if reader.request("GET", f"/api/v1/runs/{run_id}").status == 404:
        return ["the run is not there"]
    run = reader.run(run_id)
    found = _compare(
        run,
        {
            "id": run_id,
            "name": e.name,
            "session_id": e.session_id,
            "status": e.status,
            "peak_concurrency": e.peak,
        },
    )
    found += [f"tasks: {x}" for x in _compare(run["tasks"], e.tasks)]
    error = (run["error"] or {}).get("message")
    found += [] if error == e.error else [f"error: {error!r}, not {e.error!r}"]
    if not within_ms:
        times = {"duration_ms": e.duration_ms, "started_at": e.started_at, "completed_at": e.completed_at}
        found += _compare(run, times)
    elif abs(run["duration_ms"] - e.duration_ms) > within_ms:
        found.append(f"duration_ms: {run['duration_ms']}, not {e.duration_ms}")
    if found:  # the rest would be asked for in vain
        return found
    processes = reader.processes(run_id)
    for name, counts in e.processes.items():
        found += [f"{name}: {x}" for x in _compare(processes.get(name, {}), counts)]
    found += [f"{name} is not of this run" for name in processes.keys() - e.processes.keys() if not within_ms]
    shown = {task_id: t["status"] for task_id, t in reader.tasks(run_id).items()}
    found += [f"task {k}: {shown.get(k)}, not {e.shown.get(k)}" for k in _unlike(shown, e.shown)]
    concurrency = reader.get(f"/runs/{run_id}/concurrency")
    largest = max((point["running"] for point in concurrency["points"]), default=0)
    if (concurrency["peak"], largest) != (e.peak, e.peak):
        found.append(f"concurrency: {concurrency['peak']}, largest point {largest}, not {e.peak}")
    return found


def opens(stack: Stack, sent: runner.Sent) -> None:
    """The address that begin told is the run's page; its id and its name lead there too."""
    assert sent.watch_url.startswith(f"{stack.api_url}/runs/")
    with Client(stack.api_url) as client:
        page = client.request("GET", sent.watch_url.removeprefix(stack.api_url))
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    with Reader(stack.api_url) as reader:
        run = reader.run(sent.run_id)
        assert reader.run(run["name"])["id"] == sent.run_id


def weblog_run(reader: Reader, session_id: str) -> str:
    """The id of the session's run that came by weblog: no request told when it was created."""
    found: list[str] = []

    def missing() -> bool:
        runs: Sequence[Mapping[str, Any]] = reader.get(f"/runs?session_id={session_id}")["runs"]
        found[:] = [r["id"] for r in runs if r["liveness"] == "unknown" and r["tasks"]["total"]]
        return len(found) != 1

    until("the weblog run is listed", missing)
    return found[0]


def listed(stack: Stack) -> list[dict[str, Any]]:
    """All runs, without what changes with time alone, as when a live run may be done."""
    with Reader(stack.api_url) as reader:
        runs = list(reader.paged("/runs", "runs"))
    return [{k: v for k, v in run.items() if k not in ("as_of", "last_seen_at", "progress")} for run in runs]


def _compare(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    return [f"{k}: {found.get(k)}, not {v}" for k, v in expected.items() if found.get(k) != v]


def _unlike(one: Mapping[int, str], other: Mapping[int, str]) -> list[int]:
    return [k for k in sorted(one.keys() | other.keys()) if one.get(k) != other.get(k)][:5]
