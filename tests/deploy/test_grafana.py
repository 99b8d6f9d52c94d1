"""The dashboards of Grafana: they are what `make dashboards` writes, whole, and ClickHouse answers what they ask."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml

import schemas.metrics
from dev.dashboards import dashboards
from stores.tables.client import Tables
from tests.deploy.grafana import GRAFANA, as_sent, boards, targets
from tests.support.api.stage import T0, Stage
from tests.support.services.cache import SUPPORT, grafana_schema
from tests.support.services.clickhouse import ClickHouseServer

DAY_MS = 86_400_000


def test_the_files_are_what_is_written() -> None:
    files = {file.name: file.read_text() for file in (GRAFANA / "dashboards").iterdir()}
    assert files == dashboards(), "run make dashboards"


def test_every_dashboard_is_whole() -> None:
    for name, board in boards().items():
        assert {"uid", "title", "schemaVersion", "time", "templating", "panels"} <= set(board), name
        assert len({p["id"] for p in board["panels"]}) == len(board["panels"]) > 5
        for p in board["panels"]:
            assert (
                p["type"] in ("stat", "timeseries", "table") and p["title"] and p["fieldConfig"]["defaults"]
            )
            assert p["targets"] and len({t["refId"] for t in p["targets"]}) == len(p["targets"])
            assert {t["datasource"]["uid"] for t in p["targets"]} == {p["datasource"]["uid"]}
            assert p["gridPos"]["x"] >= 0 and p["gridPos"]["x"] + p["gridPos"]["w"] <= 24
        for a, b in combinations([p["gridPos"] for p in board["panels"]], 2):
            beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            assert beside or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"], (name, a, b)


def faults(folder: Path, boards: Mapping[str, str]) -> str:
    """What is wrong with these dashboards by Grafana's own types; '' for nothing."""
    (folder / "node_modules").symlink_to(grafana_schema())
    shutil.copy(SUPPORT / "npm" / "grafana" / "dashboard.ts", folder)
    for name, text in boards.items():
        typed = (
            f'import type {{ OurDashboard }} from "./dashboard";\nexport const board: OurDashboard = {text};'
        )
        (folder / f"{name}.ts").write_text(typed)
    options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--module",
        "nodenext",
        "--target",
        "es2022",
        "--pretty",
        "false",
    ]
    checker = ["node", "node_modules/typescript/bin/tsc", *options, *(f"{name}.ts" for name in boards)]
    done = subprocess.run(checker, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not done.stdout), done.stdout + done.stderr
    return done.stdout


@pytest.mark.grafana
def test_the_types_of_grafana_take_every_dashboard(tmp_path: Path) -> None:
    files = {file.stem: file.read_text() for file in (GRAFANA / "dashboards").iterdir()}
    assert len(files) == 2 and faults(tmp_path, files) == ""


@pytest.mark.grafana
def test_the_types_of_grafana_refuse_what_is_wrong(tmp_path: Path) -> None:
    right = (GRAFANA / "dashboards" / "fleet.json").read_text()
    wrong = {
        "unknown": right.replace('"refresh":', '"refreshed":'),
        "number": re.sub(r'"schemaVersion": \d+', '"schemaVersion": "41"', right),
        "grid": right.replace('"gridPos": {', '"gridPos": {"z": 1,', 1),
        "variable": right.replace('"textbox"', '"textarea"'),
        "query": right.replace('"rawSql":', '"sql":', 1),
        "panel": right.replace('"timeseries"', '"graph"', 1),
    }
    assert all(text != right for text in wrong.values())
    said = faults(tmp_path, wrong)
    assert {name for name in wrong if f"{name}.ts(" in said} == set(wrong), said


def test_each_data_source_that_is_named_is_provisioned() -> None:
    provisioned = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "tracker.yml").read_text())
    known = {(s["type"], s["uid"]) for s in provisioned["datasources"]}
    named = {
        (p["datasource"]["type"], p["datasource"]["uid"]) for b in boards().values() for p in b["panels"]
    }
    assert named == known
    reader = provisioned["datasources"][0]
    assert (
        f"CREATE USER IF NOT EXISTS {reader['jsonData']['username']} "
        in (GRAFANA / "clickhouse-user.sql").read_text()
    )


def test_the_reader_may_select_what_is_asked_and_nothing_else() -> None:
    text = (GRAFANA / "clickhouse-user.sql").read_text()
    granted = set(re.findall(r"^GRANT (\w+) ON tracker\.(\w+) TO", text, re.MULTILINE))
    asked = {
        table
        for _, t in targets("grafana-clickhouse-datasource")
        for table in re.findall(r"\b(?:FROM|JOIN) (\w+)", t["rawSql"])
    }
    assert granted == {("SELECT", table) for table in asked - {"fleet"}} and "readonly = 2" in text


def test_only_metrics_that_are_are_asked_for() -> None:
    known = {m._name for m in vars(schemas.metrics).values() if hasattr(m, "_documentation")}
    for what, target in targets("prometheus"):
        for name in re.findall(r"\btracker_\w+", target["expr"]):
            assert re.sub(r"_(total|bucket)$", "", name) in known, what


def filled(tables: Tables) -> None:
    stage = Stage(tables)
    for n, state in enumerate(("succeeded", "failed", "failed")):
        facts = {"name": f"n{n}", "project_name": "lab/x", "user_name": "ann"}
        hidden = {"hiding": {"offset": 7, "hidden": 1, "by": "ada"}} if n == 2 else {}
        done = {"state": state, "error_message": "boom", "duration_ms": 5000}
        stage.run(f"r{n}", at=T0 + n, facts=facts, completed=done, **hidden)
        stage.figures(f"r{n}", tasks=1, total=1, cost="1.25", wasted="0.25")
    stage.run("r9", facts={"name": "n9"}, begun=1)
    stage.run("old", at=T0 - 9 * DAY_MS, facts={"name": "old"}, completed={"state": "succeeded"})


@pytest.mark.clickhouse
def test_clickhouse_answers_every_panel_as_a_reader(
    both_tables: tuple[Tables, Tables], clickhouse_server: ClickHouseServer
) -> None:
    filled(both_tables[1])
    answers = {}
    for what, target in targets("grafana-clickhouse-datasource"):
        sql = as_sent(target["rawSql"], T0 - DAY_MS, T0 + DAY_MS)
        address = f"http://127.0.0.1:{clickhouse_server.port}/?database=test&readonly=2&default_format=JSON"
        with urlopen(Request(address, sql.encode()), timeout=30) as answer:
            answers[what.partition(": ")[2]] = json.load(answer)["data"]
    assert answers["Runs"] == [{"runs": "3"}] or answers["Runs"] == [{"runs": 3}]
    assert answers["Succeeded, of those that are over"] == [{"succeeded": 0.5}]
    assert float(answers["Cost"][0]["cost"]) == 2.5 and float(answers["Wasted"][0]["wasted"]) == 0.5
    assert {(r["outcome"], int(r["runs"])) for r in answers["Runs by outcome"]} == {
        ("succeeded", 1), ("failed", 1), ("live", 1),
    }  # fmt: skip
    [pipeline] = answers["Pipelines"]
    assert (pipeline["pipeline"], int(pipeline["runs"]), pipeline["p50_seconds"]) == ("lab/x", 2, 5)
    [failure] = answers["Newest failures"]
    assert (failure["name"], failure["user"], failure["run_id"]) == ("n1", "ann", "r1")
