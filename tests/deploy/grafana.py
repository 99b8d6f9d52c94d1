"""The dashboards of `deploy/grafana`, read as Grafana does. No test stands here."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.support.services.cache import ROOT

GRAFANA = ROOT / "deploy" / "grafana"


def boards() -> dict[str, dict[str, Any]]:
    """File name → the dashboard."""
    return {file.name: json.loads(file.read_text()) for file in sorted((GRAFANA / "dashboards").iterdir())}


def targets(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Queries of data sources of this type, each with what it is for."""
    for name, board in boards().items():
        for panel in board["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["type"] == kind:
                    yield f"{name}: {panel['title']}", target


def as_sent(sql: str, from_ms: int, to_ms: int, interval_seconds: int = 3600) -> str:
    """SQL with the macros of the ClickHouse plugin expanded as it does."""
    sql = sql.replace("$__fromTime", f"toDateTime({from_ms // 1000})").replace(
        "$__toTime", f"toDateTime({to_ms // 1000})"
    )
    return re.sub(
        r"\$__timeInterval\((\w+)\)",
        rf"toStartOfInterval(toDateTime(\1), INTERVAL {interval_seconds} second)",
        sql,
    )
