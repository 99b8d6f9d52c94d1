"""The scrape configuration and the alert rules: they parse, name metrics and labels that are, and each alert is explained."""

import re
import subprocess
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

import schemas.metrics
from projections.alerts.rules import Rules
from schemas.settings import Settings
from tests.support.services.cache import ROOT, promtool

FOLDER = ROOT / "deploy" / "prometheus"
RULES: dict[str, Any] = yaml.safe_load((FOLDER / "tracker.rules.yml").read_text())
SCRAPE_FILE, TESTS_FILE = FOLDER / "prometheus.yml", FOLDER / "tracker.test.yml"
SCRAPE: dict[str, Any] = yaml.safe_load(SCRAPE_FILE.read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
EVERY = " ".join(rule["expr"] for rule in ALERTS)


def ours() -> dict[str, Any]:
    """Name of each sample → its metric."""
    metrics = [m for m in vars(schemas.metrics).values() if hasattr(m, "_documentation")]
    names = getattr(REGISTRY, "_collector_to_names")  # noqa: B009 - no public way to ask
    return {name: metric for metric in metrics for name in names[metric]}


def promtool_says(*asked: str) -> str:
    done = subprocess.run([promtool(), *asked], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.promtool
def test_promtool_takes_configuration_and_rules() -> None:
    """The configuration names the rules, so both are looked at."""
    assert f"SUCCESS: {len(ALERTS)} rules found" in promtool_says("check", "config", SCRAPE_FILE.name)


@pytest.mark.promtool
def test_the_rules_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool_says("test", "rules", TESTS_FILE.name)


def test_each_rule_is_tried_or_too_plain_to_be() -> None:
    """Those that ask for one counter's increase, or for one quantile, are left to the parser."""
    cases = yaml.safe_load(TESTS_FILE.read_text())["tests"]
    tried = {t["alertname"] for case in cases for t in case["alert_rule_test"] if t["exp_alerts"]}
    plain = {"TrackerSetsAside", "TrackerIngestDefect", "TrackerNotifierDefect", "TrackerInsertsAreSlow"}
    assert tried | plain == {rule["alert"] for rule in ALERTS} and not tried & plain


def test_every_metric_says_what_it_means() -> None:
    found = {m._name: m._documentation for m in ours().values()}
    assert len(found) > 20 and all(len(text) > 20 for text in found.values())


def test_rules_name_only_metrics_that_are() -> None:
    named = set(re.findall(r"\btracker_\w+", EVERY))
    assert len(named) > 8 and named <= set(ours())


def test_rules_name_only_labels_that_are() -> None:
    for name, matchers in re.findall(r"\b(tracker_\w+)\{([^}]*)\}", EVERY):
        labels = set(re.findall(r"(\w+)\s*(?:=~|=|!=|!~)", matchers))
        assert labels <= set(ours()[name]._labelnames), name


def test_every_rule_is_whole_and_balanced() -> None:
    assert {tuple(sorted(RULES)), tuple(sorted(RULES["groups"][0]))} == {("groups",), ("name", "rules")}
    for rule in ALERTS:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[A-Z]\w+", rule["alert"]) and rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in ("critical", "warning", "none")
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        for opening, closing in ("()", "{}", "[]"):
            assert rule["expr"].count(opening) == rule["expr"].count(closing)
    assert len({rule["alert"] for rule in ALERTS}) == len(ALERTS)


def test_each_alert_has_its_section_and_no_section_is_left_over() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == [rule["alert"] for rule in ALERTS]


def test_prometheus_scrapes_the_default_ports() -> None:
    assert [(FOLDER / f).is_file() for f in SCRAPE["rule_files"]] == [True]
    [target] = SCRAPE["scrape_configs"][0]["static_configs"][0]["targets"]
    assert target == f"{Settings().host}:{Settings().port}"


def test_the_pages_name_only_settings_that_are() -> None:
    known = {f"TRACKER_{name.upper()}" for name in Settings.model_fields}
    for page in ("alerts.md", "operations.md"):
        assert set(re.findall(r"TRACKER_[A-Z0-9_]+", (ROOT / "docs" / page).read_text())) <= known


def test_the_rules_of_the_page_are_valid() -> None:
    import tomllib

    [text] = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "alerts.md").read_text(), re.DOTALL)
    rules = Rules.model_validate(tomllib.loads(text))
    assert set(rules.receivers) == {"ops", "chat"} and len(rules.rules) == 3
