"""Every PromQL of the dashboards on a real Prometheus that scrapes a real tracker."""

import json
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.deploy.grafana import targets
from tests.support.services.cache import prometheus
from tests.support.services.process import Child, free_port
from tests.support.stacks.stack import EmbeddedStack

#: Nothing of that kind happened there, so nothing is right.
MAY_BE_EMPTY = {"Turned away", "Set aside in 15 min"}
#: What a runner sends, so that there are requests to count.
EVENT = {"type": "run.begun", "run_id": "r1", "data": {"workflow": {"name": "n"}}}


@pytest.mark.promtool
def test_prometheus_answers_every_panel(tmp_path: Path) -> None:
    port = free_port()
    with EmbeddedStack(tmp_path) as stack:
        sent = Request(
            f"{stack.api_url}/v1/events", json.dumps(EVENT).encode(), {"Content-Type": "application/json"}
        )
        with urlopen(sent, timeout=10) as answer:
            assert answer.status in (200, 202)
        scrape = {
            "job_name": "tracker",
            "static_configs": [{"targets": [stack.api_url.removeprefix("http://")]}],
        }
        config = tmp_path / "prometheus.json"  # JSON is YAML
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}))
        folder = tmp_path / "prometheus"
        server = Child(
            [
                str(prometheus()),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            tmp_path / "prometheus.log",
        )
        try:
            server.wait_until(lambda: scraped(port), "Prometheus with three scrapes", 60)
            empty = {
                what
                for what, target in targets("prometheus")
                if asked(port, target["expr"].replace("$__rate_interval", "1m")) is None
            }
        finally:
            server.terminate(15)
    assert {what.partition(": ")[2] for what in empty} <= MAY_BE_EMPTY


def asked(port: int, expression: str) -> float | None:
    """The first value, None for an empty answer. Raises HTTPError where the expression is refused."""
    with urlopen(
        f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': expression})}", timeout=10
    ) as answer:
        result = json.load(answer)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def scraped(port: int) -> bool:
    """Whether it has scraped often enough that there are rates."""
    try:
        return (asked(port, "count_over_time(up[1m])") or 0) >= 3
    except URLError:
        return False
