"""Tokens with the program as users run it: open, then the first token, a run by its owner, beside `tracker up` and after it."""

import re
from pathlib import Path

import httpx

from tests.support.stacks.stack import EmbeddedStack


def secret_in(output: str) -> str:
    [secret] = re.findall(r"^trk_[\w-]{43}$", output, re.MULTILINE)
    return str(secret)


def test_from_open_to_tokens_and_back_to_the_command_line(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path / "stack") as stack:
        stack.settings["port"] = stack.up.port
        with httpx.Client(base_url=stack.api_url) as client:
            assert client.get("/api/v1/runs").status_code == 200, "open on loopback"
            code, told = stack.command("token", "create", "pipeline", "--role", "runner")
            assert code == 1 and "admin's token first" in told
            code, told = stack.command("token", "create", "ann", "--role", "admin")
            assert code == 0, told
            admin = secret_in(told)
            assert client.get("/api/v1/runs").status_code == 401, "at once, in the process that made it"
            code, told = stack.command("token", "list")
            assert code == 1 and "TRACKER_TOKEN" in told
            code, told = stack.command("books", stack.api_url)
            assert code == 1 and "TRACKER_TOKEN" in told
            stack.settings["token"] = admin
            code, told = stack.command("books", stack.api_url)
            assert code == 0, told
            code, told = stack.command("token", "create", "nightly", "--role", "runner", "--owner", "ann")
            runner = secret_in(told)
            _report(client, "any", 401)
            _report(client, admin, 200)
            run_id = _report(client, runner, 200)
            assert client.get("/api/v1/runs", headers=_bearer(runner)).status_code == 403
            _wait_for_owner(client, admin, run_id, "ann")
        assert stack.up.stop() == 0
        code, told = stack.command("token", "list")
        assert code == 0 and "nightly" in told and admin not in told, told
        [token_id] = re.findall(r"│ (\w{10}) │ nightly", told)
        code, told = stack.command("token", "revoke", token_id)
        assert code == 0 and "revoked" in told
        code, told = stack.command("token", "revoke", "nothing")
        assert code == 1 and "no token" in told
        stack.up.start()
        with httpx.Client(base_url=stack.api_url) as client:
            _report(client, runner, 401)
            _report(client, admin, 200)
        stack.settings["token"] = runner
        nextflow = tmp_path / "nextflow"
        nextflow.write_text('#!/bin/sh\necho "ran: $*"\nexit 7\n')
        nextflow.chmod(0o755)
        code, told = stack.command("run", "--", str(nextflow), "run", "p")
        assert code == 7 and "this token was revoked" in told and "The run is not followed." in told
        assert told.endswith("\nran: run p\n"), "as it was typed"
        log = stack.up.log.read_text()
        assert runner not in log and admin not in log


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _report(client: httpx.Client, secret: str, status: int) -> str:
    body = {"sessionId": "s", "runName": "n", "instant": 1_795_546_905_637}
    answer = client.post("/trace/create", json=body, auth=("@token", secret))
    assert answer.status_code == status, answer.text
    return str(answer.json().get("workflowId", ""))


def _wait_for_owner(client: httpx.Client, secret: str, run_id: str, owner: str) -> None:
    """The admin's own token was first to report it: the run is theirs, whoever reports later."""
    for _ in range(200):
        answer = client.get(f"/api/v1/runs/{run_id}", headers=_bearer(secret))
        if answer.status_code == 200:
            assert answer.json()["owner"] == owner
            return
    raise AssertionError(f"the run {run_id} is not shown")
