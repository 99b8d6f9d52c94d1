"""`tracker outputs`: what it prints, and its exit codes."""

from typing import Any

import pytest

from tests.support.fake_tracker import FakeTracker, tracker

JOB = "/api/v1/jobs/j1"


def job(state: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"id": "j1", "state": state, "done": 7, "bytes": 70, "kept": 0, "error": None} | more


def test_runs_are_found_by_where_they_wrote(fake: FakeTracker) -> None:
    found = {"runs": [{"name": "nightly\x1b", "id": "r1", "uri": "s3://b/x/"}]}
    fake.answers["GET", "/api/v1/output-folders"] = 200, found
    result = tracker("outputs", "info", "s3://b/x?&", "--url", fake.url)
    assert (result.exit_code, result.output) == (0, "nightly\\x1b  id=r1\n")
    assert fake.requests[0][1] == "/api/v1/output-folders?uri=s3%3A%2F%2Fb%2Fx%3F%26"
    fake.answers["GET", "/api/v1/output-folders"] = 200, {"runs": []}
    assert tracker("outputs", "info", "x", "--url", fake.url).exit_code == 1


@pytest.mark.parametrize(
    ("answer", "code", "says"),
    [
        (job("succeeded"), 0, "delete_outputs  succeeded  (id=j1)  7 deleted, 70 bytes"),
        (
            job("failed", kept=2, error="locked"),
            1,
            "delete_outputs  failed  (id=j1)  7 deleted, 70 bytes, 2 kept: locked",
        ),
        (job("running"), 124, "delete_outputs  running"),
        ((404, {"detail": "none"}), 124, "has not begun"),
    ],
)
def test_waiting_for_the_end(fake: FakeTracker, answer: Any, code: int, says: str) -> None:
    fake.answers["DELETE", "/api/v1/runs/lab%2Fr1/outputs"] = 202, {"job_id": "j1", "state": "queued"}
    fake.answers["GET", JOB] = answer
    result = tracker(
        "outputs", "delete", "lab/r1", "--wait", "--timeout", "0", "--url", fake.url, token="trk_1"
    )
    assert result.exit_code == code and result.output.startswith("j1\n") and says in result.output
    assert fake.requests[0][:3] == ("DELETE", "/api/v1/runs/lab%2Fr1/outputs", "Bearer trk_1")


def test_a_job_is_begun_and_asked_for(fake: FakeTracker) -> None:
    fake.answers["DELETE", "/api/v1/runs/r1/outputs"] = 202, {"job_id": "j1", "state": "running"}
    result = tracker("outputs", "delete", "r1", "--url", fake.url)
    assert (result.exit_code, result.output) == (0, "j1\n") and len(fake.requests) == 1
    fake.answers["GET", JOB] = job("running", kept=1)
    result = tracker("outputs", "job-status", "j1", "--url", fake.url)
    assert (result.exit_code, result.output) == (
        0,
        "delete_outputs  running  (id=j1)  7 deleted, 70 bytes, 1 kept\n",
    )
    fake.answers["DELETE", "/api/v1/runs/r1/outputs"] = 403, {"detail": "viewer may not do this"}
    result = tracker("outputs", "delete", "r1", "--wait", "--url", fake.url)
    assert result.exit_code == 1 and "viewer may not do this" in result.output
    assert tracker("outputs", "job-status", "j2", "--url", fake.url).exit_code == 1
