"""`tracker runs` and `tracker show` say what the API says of a real run."""

import json
from pathlib import Path

from stores.tables.client import Tables
from tests.support.fake_tracker import FakeTracker, tracker
from tests.support.ingest import trace
from tests.support.whole import whole


def test_a_failed_run_on_the_terminal(tables: Tables, tmp_path: Path, fake: FakeTracker) -> None:
    with whole(tables, tmp_path) as served:
        served.send(trace("failed"))
        listed = served.get("/runs")
        run = listed["runs"][0]
        fake.answers["GET", "/api/v1/runs"] = 200, listed
        fake.answers["GET", f"/api/v1/runs/{run['name']}"] = 200, served.run(run["name"])

    result = tracker("runs", "x", "--status", "failed", "--limit", "5", "--url", fake.url)
    assert result.exit_code == 0, result.output
    assert all(said in result.output for said in (run["name"], run["pipeline"], "failed"))
    assert fake.requests[0][1] == "/api/v1/runs?search=x&status=failed&page_size=5"
    assert json.loads(tracker("runs", "--json", "--url", fake.url).output) == listed

    shown = tracker("show", run["name"], "--url", fake.url).output
    assert run["error"]["message"].splitlines()[0] in shown and run["resume_line"] in shown
    assert f"{fake.url}/runs/{run['name']}" in shown
    assert json.loads(tracker("show", run["name"], "--json", "--url", fake.url).output)["id"] == run["id"]
