"""A run that tells secrets wherever it can: none is kept, and nothing else is hidden."""

from pathlib import Path

from stores.tables.client import Tables
from tests.support.whole import case, whole

#: In every secret of the case, as text and as base64.
SECRET = (b"hunt", b"ahvudgvy")
PAGES = ("", "/tasks", "/tasks.csv", "/timeline", "/text/config", "/text/params", "/text/error-report")
API = ("", "/tasks", "/processes", "/history", "/transitions", "/notes")


def test_no_secret_is_on_a_page_in_an_answer_or_on_the_log(tables: Tables, tmp_path: Path) -> None:
    with whole(tables, tmp_path) as tracker:
        [run_id] = tracker.send(case("34"))
        # What cannot be read is kept raw, but for its secrets.
        tracker.request("PUT", f"/trace/{run_id}/no", json=case("34")[1]["body"])
        tracker.tick()
        assert any(alert["run_id"] == run_id for alert in tracker.alerts())
        addresses = [
            "/",
            "/api/v1/runs",
            "/api/v1/dead-letters",
            "/api/v1/alerts",
            "/ops",
            f"/runs/{run_id}?tab=all",
        ]
        addresses += [f"/runs/{run_id}{page}" for page in PAGES]
        addresses += [f"/api/v1/runs/{run_id}{answer}" for answer in API]
        for address in addresses:
            answer = tracker.request("GET", address)
            assert answer.status_code in (200, 404), address
            assert not any(secret in answer.content.lower() for secret in SECRET), address
        workflow = tracker.run(run_id)["workflow"]
        params = workflow["params"]
        assert (params["max_tokens"], params["sort_key"], params["genome_keys"]) == (4096, "chrom", ["hg38"])
        assert "--input s3://b/in.csv -resume" in workflow["command_line"]
        assert "vmPolicy = [onDemand: true]" in workflow["config_text"]
        assert len(tracker.get("/dead-letters")["dead_letters"]) == 1
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()).lower()
    assert b"secrets_told" in kept and not any(secret in kept for secret in SECRET)
