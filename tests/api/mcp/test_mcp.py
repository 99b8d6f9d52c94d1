"""Programs that speak with people read runs at /mcp, by the SDK's own client: with a token, without, with a revoked one."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client

from api.mcp.server import BODY_BYTES_MAX
from schemas.access import Role
from stores.tables.client import Tables
from tests.support.api.access import Guarded, SomeTokens
from tests.support.api.mcp_client import call, refusal, speak
from tests.support.ingest import trace
from tests.support.whole import whole

TOOLS = {
    "compare_runs",
    "diagnose_run",
    "list_runs",
    "get_run",
    "list_tasks",
    "get_task",
    "get_task_logs",
    "get_costs",
    "get_process_trend",
    "read_log",
    "dashboard_url",
}
ASK = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def test_why_did_my_last_run_fail(tables: Tables, tmp_path: Path) -> None:
    with whole(tables, tmp_path) as served:
        served.send(trace("failed"))
        [listed] = call(served.app, "list_runs", status="failed")["runs"]
        run = call(served.app, "get_run", run=listed["name"])
        shown = served.run(listed["name"])
        assert run["error"] == shown["error"]["summary"] and run["go_on_with"] == shown["resume_line"]
        assert (
            run["tasks"]["failed"] == shown["tasks"]["failed"]
            and run["page"] == f"http://tracker/runs/{run['id']}"
        )
        why = call(served.app, "diagnose_run", run=run["id"])
        told = served.get(f"/runs/{run['id']}/diagnosis")
        assert (why["verdict"], why["cause"]["cause"]) == (told["verdict"], told["cause"])
        assert why["task_id"] == told["task"]["task_id"] and why["page"] == f"{run['page']}?tab=error"
        failed = call(served.app, "list_tasks", run=run["id"], status="failed")["tasks"]
        told = served.get(f"/runs/{run['id']}/tasks", status="failed")["tasks"]
        assert [(t["task_id"], t["exit"]) for t in failed] == [(t["task_id"], t["exit"]) for t in told]
        task = call(served.app, "get_task", run=run["id"], task_id=failed[0]["task_id"])
        assert task["script"]["text"] == served.get(f"/runs/{run['id']}/tasks/{task['task_id']}")["script"]
        logs = call(served.app, "get_task_logs", run=run["id"], task_id=task["task_id"])
        assert logs["files"] == [] and "may read" in logs["message"]
        assert call(served.app, "read_log", run=run["id"])["message"]
        costs = call(served.app, "get_costs", run=run["id"])
        assert costs["amount"] == served.get(f"/runs/{run['id']}/costs")["amount"] and costs["processes"]
        process = failed[0]["process"]
        [point] = call(served.app, "get_process_trend", run=run["id"], process=process)["runs"]
        counted = next(
            p for p in served.get(f"/runs/{run['id']}/processes")["processes"] if p["process"] == process
        )
        assert (point["run"], point["failed"] - point["retried"]) == (run["name"], counted["failed"])
        assert call(served.app, "get_process_trend", run=run["id"], process="none")["runs"] == []
        assert "there is no task '99'" in refusal(served.app, "get_task", run=run["id"], task_id=99)


def test_what_differs_from_another_run(tables: Tables, tmp_path: Path) -> None:
    with whole(tables, tmp_path) as served:
        served.send(trace("success"))
        served.send(trace("failed"))
        [failed] = call(served.app, "list_runs", status="failed")["runs"]
        [good] = call(served.app, "list_runs", status="succeeded")["runs"]
        found = call(served.app, "compare_runs", run=failed["name"], with_run=good["name"])
        told = served.get("/compare", a=failed["id"], b=good["id"])
        assert (found["a"]["id"], found["b"]["id"]) == (failed["id"], good["id"])
        assert [p["process"] for p in found["processes"]] == [p["process"] for p in told["processes"]][:10]
        assert [c["name"] for c in found["params"]] == [c["name"] for c in told["params"]][:5] and found[
            "params"
        ]
        assert "no run 'nobody'" in refusal(served.app, "compare_runs", run=failed["id"], with_run="nobody")


def test_long_lists_and_texts_are_cut(tables: Tables, tmp_path: Path) -> None:
    with whole(tables, tmp_path) as served:
        for number in range(40):
            name = f"run {number} " + "n" * 900
            error = {
                "type": "run.completed",
                "run_id": f"r{number}",
                "data": {"state": "failed", "error_report": "x\n" * 90_000},
            }
            begun = {
                "type": "run.begun",
                "run_id": f"r{number}",
                "data": {"workflow": {"name": name, "project_name": "p" * 3000}},
            }
            served.request("POST", "/v1/events", json=[begun, error])
        served.tick()
        listed = call(served.app, "list_runs", limit=5)
        assert len(listed["runs"]) == 5 and listed["more"]
        report = call(served.app, "get_run", run="r1")["report"]
        assert report["left_out"] > 170_000 and "characters left out" in report["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("get_run", {"run": "nobody"}, "there is no run 'nobody'"),
        ("get_run", {"run": "x" * 2000}, "at most 1000 characters"),
        ("get_run", {}, "Field required"),
        ("list_runs", {"status": "lost"}, "'lost' is unknown"),
        ("list_runs", {"limit": 1000}, "less than or equal to 25"),
        ("get_task", {"run": "r1", "task_id": "; DROP"}, "valid integer"),
    ],
)
def test_what_is_wrong_is_said(
    tables: Tables, tmp_path: Path, tool: str, arguments: dict[str, Any], said: str
) -> None:
    with whole(tables, tmp_path) as served:
        assert said in refusal(served.app, tool, **arguments)


def test_tables_that_are_away() -> None:
    stage = Guarded(tokens := SomeTokens())

    async def talk(client: Client) -> Any:
        return await client.call_tool("list_runs", {})

    result = speak(stage.app, talk, tokens.secret(Role.VIEWER))
    assert result.is_error and "the tables do not answer" in result.content[0].text


async def _names(client: Client) -> set[str]:
    listed = await client.list_tools()
    assert all(t.annotations and t.annotations.read_only_hint and t.output_schema for t in listed.tools)
    return {t.name for t in listed.tools}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
def test_whoever_may_read_may_ask(role: Role) -> None:
    tokens = SomeTokens()
    assert speak(Guarded(tokens).app, _names, tokens.secret(role)) == TOOLS


def test_nobody_else_may() -> None:
    tokens = SomeTokens()
    stage = Guarded(tokens)
    revoked = tokens.token(Role.VIEWER)
    tokens.change(revoked.model_copy(update={"revoked_ms": stage.now}))
    for token in ("", "trk_unknown", tokens.secret(Role.RUNNER), tokens.secret(Role.VIEWER)):
        with pytest.raises(BaseException) as raised:
            speak(stage.app, _names, token)
        assert raised.value is not None
        headers = ACCEPT | ({"Authorization": f"Bearer {token}"} if token else {})
        answer = stage.request("POST", "/mcp", json=ASK, headers=headers)
        assert answer.status_code == (403 if token == tokens.secret(Role.RUNNER) else 401)
        assert "www-authenticate" in answer.headers or answer.status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403),
        ({}, 200),
    ],
)
def test_no_page_of_another_site_may_ask(
    tables: Tables, tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    with whole(tables, tmp_path) as served:  # open: nobody needs a token
        assert served.request("POST", "/mcp", json=ASK, headers=ACCEPT | headers).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b" " * (BODY_BYTES_MAX + 1), 413),
        (b"{", 400),
        (b"[" * 50_000, 400),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get_run", "arguments": []}}',
            200,
        ),
        (b"\xff\xfe", 400),
    ],
)
def test_hostile_bodies(tables: Tables, tmp_path: Path, body: bytes, status: int) -> None:
    with whole(tables, tmp_path) as served:
        headers = ACCEPT | {"Content-Type": "application/json"}
        assert served.request("POST", "/mcp", content=body, headers=headers).status_code == status
        assert served.request("POST", "/mcp", json=ASK, headers=ACCEPT).status_code == 200


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_there_are_no_sessions(tables: Tables, tmp_path: Path, method: str) -> None:
    with whole(tables, tmp_path) as served:
        assert served.request(method, "/mcp", headers=ACCEPT).status_code == 405


def test_nobody_pays_for_the_sdk_who_does_not_ask() -> None:
    check = "import sys, api.app; sys.exit(any(m.split('.')[0] == 'mcp' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
