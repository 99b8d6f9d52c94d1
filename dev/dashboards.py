"""Writes the dashboards of Grafana: `make dashboards`. Their SQL names the macros of `schemas/macros/`, so that a run is there
what it is on the pages; a test fails where the files are not what this writes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from schemas.sql import TEMPLATES

FOLDER = Path(__file__).parents[1] / "deploy" / "grafana" / "dashboards"
CLICKHOUSE = {"type": "grafana-clickhouse-datasource", "uid": "tracker-clickhouse"}
PROMETHEUS = {"type": "prometheus", "uid": "tracker-prometheus"}
#: Of the ClickHouse plugin: what comes is a series over time, or a table.
_SERIES, _TABLE = 0, 1

#: Runs that started in the time that is looked at, with their figures; hidden ones are left out, as in lists.
_RUNS = """
WITH fleet AS
(
    SELECT
        run_id, name, user_name, started, pipeline, outcome, took_s, error_summary.line AS error,
        toFloat64(figures.cost) AS cost, toFloat64(figures.wasted) AS wasted
    FROM
    (
        SELECT
            *,
            fromUnixTimestamp64Milli(ifNull(start_ms, first_ms), 'UTC') AS started,
            if(over, completed.state, 'live') AS outcome,
            {{ duration_ms }} / 1000 AS took_s,
            {{ pipeline }} AS pipeline
        FROM {{ run_rows() }}
        WHERE NOT hidden
    ) AS run
    LEFT ANY JOIN (SELECT run_id AS figures_run_id, cost, wasted FROM run_figures FINAL) AS figures ON run_id = figures_run_id
    WHERE started >= $__fromTime AND started <= $__toTime
)
"""

#: title, kind, unit, width, height, SQL after `_RUNS`
_FLEET: Sequence[tuple[str, str, str, int, int, str]] = (
    ("Runs", "stat", "short", 4, 4, "SELECT count() AS runs FROM fleet"),
    (
        "Succeeded, of those that are over",
        "stat",
        "percentunit",
        4,
        4,
        "SELECT countIf(outcome = 'succeeded') / nullIf(countIf(outcome != 'live'), 0) AS succeeded FROM fleet",
    ),
    ("Not over", "stat", "short", 4, 4, "SELECT countIf(outcome = 'live') AS live FROM fleet"),
    ("Cost", "stat", "currencyUSD", 4, 4, "SELECT sum(cost) AS cost FROM fleet"),
    ("Wasted", "stat", "currencyUSD", 4, 4, "SELECT sum(wasted) AS wasted FROM fleet"),
    (
        "Alerts firing now",
        "stat",
        "short",
        4,
        4,
        "SELECT count() AS firing FROM alerts FINAL WHERE state = 'firing'",
    ),
    (
        "Runs by outcome",
        "timeseries",
        "short",
        12,
        8,
        "SELECT $__timeInterval(started) AS time, outcome, count() AS runs\n"
        "FROM fleet GROUP BY time, outcome ORDER BY time, outcome",
    ),
    (
        "Cost by pipeline",
        "timeseries",
        "currencyUSD",
        12,
        8,
        "SELECT $__timeInterval(started) AS time, pipeline, sum(cost) AS cost\n"
        "FROM fleet GROUP BY time, pipeline ORDER BY time, pipeline",
    ),
    (
        "Pipelines",
        "table",
        "short",
        24,
        9,
        "SELECT pipeline, count() AS runs, countIf(outcome = 'failed') AS failed,\n"
        "    round(100 * countIf(outcome = 'succeeded') / nullIf(countIf(outcome != 'live'), 0), 1) AS succeeded_percent,\n"
        "    round(quantileIf(0.5)(took_s, outcome = 'succeeded')) AS p50_seconds,\n"
        "    round(sum(cost), 2) AS cost, round(sum(wasted), 2) AS wasted\n"
        "FROM fleet WHERE pipeline != '' GROUP BY pipeline ORDER BY runs DESC, pipeline LIMIT 100",
    ),
    (
        "Newest failures",
        "table",
        "short",
        24,
        9,
        "SELECT started, name, pipeline, user_name AS user, error, run_id\n"
        "FROM fleet WHERE outcome = 'failed' ORDER BY started DESC LIMIT 50",
    ),
)


def _quantile(share: float, metric: str, by: str = "") -> str:
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"


#: title, unit, width, PromQL with its legend
_HEALTH: Sequence[tuple[str, str, int, Sequence[tuple[str, str]]]] = (
    ("Processes that answer", "short", 6, (('sum by (job) (up{job=~"tracker.*"})', "{{job}}"),)),
    ("Live runs", "short", 6, (("sum by (status) (tracker_live_runs)", "{{status}}"),)),
    ("Age of the newest tick projected", "s", 6, (("max(tracker_newest_tick_age_seconds)", "oldest"),)),
    ("Messages that wait", "short", 6, (("sum(tracker_log_lag_messages)", "lag"),)),
    (
        "Requests of runners",
        "reqps",
        12,
        (("sum by (outcome) (rate(tracker_ingest_requests_total[$__rate_interval]))", "{{outcome}}"),),
    ),
    (
        "How long runners wait",
        "s",
        12,
        (
            (_quantile(0.5, "tracker_ingest_request_seconds"), "p50"),
            (_quantile(0.99, "tracker_ingest_request_seconds"), "p99"),
        ),
    ),
    (
        "Messages projected",
        "mps",
        12,
        (("sum by (outcome) (rate(tracker_projected_events_total[$__rate_interval]))", "{{outcome}}"),),
    ),
    ("Inserts, p90", "s", 12, ((_quantile(0.9, "tracker_insert_seconds", "table"), "{{table}}"),)),
    ("Requests on ingest's disks", "short", 8, (("sum(tracker_ingest_spooled_requests)", "spooled"),)),
    (
        "Set aside in 15 min",
        "short",
        8,
        (
            ('sum(increase(tracker_projected_events_total{outcome="dead_lettered"}[15m]))', "requests"),
            ("sum(increase(tracker_rows_set_aside_total[15m])) or vector(0)", "rows"),
        ),
    ),
    (
        "Turned away",
        "reqps",
        8,
        (
            (
                "sum by (stage, reason) (rate(tracker_denied_total[$__rate_interval])) > 0",
                "{{stage}} {{reason}}",
            ),
        ),
    ),
    ("Event loop held, p99", "s", 12, ((_quantile(0.99, "tracker_event_loop_held_seconds"), "held"),)),
    (
        "Notifier, since its last step",
        "s",
        12,
        (("time() - max(tracker_notifier_last_step_timestamp_seconds)", "age"),),
    ),
)


def main() -> None:
    """Write both."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(dashboard)


def dashboards() -> dict[str, str]:
    """File name → its JSON."""
    return {"fleet.json": _json(fleet()), "health.json": _json(health())}


def fleet() -> dict[str, Any]:
    """Runs, their outcomes and cost, from ClickHouse."""
    sizes = [(width, height) for _, _, _, width, height, _ in _FLEET]
    panels = [
        _panel(n, title, kind, unit, place, CLICKHOUSE, [_query(kind, sql)])
        for n, ((title, kind, unit, _, _, sql), place) in enumerate(
            zip(_FLEET, _places(sizes), strict=True), 1
        )
    ]
    link = {"title": "Open the run", "url": "${tracker}/runs/${__data.fields.run_id}", "targetBlank": True}
    panels[-1]["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": "name"},
            "properties": [{"id": "links", "value": [link]}],
        }
    ]
    address = {
        "type": "textbox",
        "name": "tracker",
        "label": "Address of the tracker",
        "query": "http://127.0.0.1:8000",
    }
    return _dashboard("tracker-fleet", "Run Tracker: runs", "now-7d", panels, [address])


def health() -> dict[str, Any]:
    """How the tracker itself does, from Prometheus."""
    sizes = [(width, 8) for _, _, width, _ in _HEALTH]
    panels = [
        _panel(
            n,
            title,
            "timeseries",
            unit,
            place,
            PROMETHEUS,
            [
                {"refId": chr(65 + i), "expr": expr, "legendFormat": legend, "datasource": PROMETHEUS}
                for i, (expr, legend) in enumerate(queries)
            ],
        )
        for n, ((title, unit, _, queries), place) in enumerate(zip(_HEALTH, _places(sizes), strict=True), 1)
    ]
    return _dashboard("tracker-health", "Run Tracker: health", "now-6h", panels, [])


def _query(kind: str, sql: str) -> dict[str, Any]:
    template = (
        '{% from "schemas/macros/runs.sql" import duration_ms, pipeline, run_rows %}\n' + _RUNS
        if "fleet" in sql
        else ""
    )
    text = "\n".join(
        line for line in TEMPLATES.from_string(template + sql).render().splitlines() if line.strip()
    )
    series = kind == "timeseries"
    return {
        "refId": "A",
        "datasource": CLICKHOUSE,
        "editorType": "sql",
        "queryType": "timeseries" if series else "table",
        "format": _SERIES if series else _TABLE,
        "rawSql": text,
    }


def _places(sizes: Sequence[tuple[int, int]]) -> list[dict[str, int]]:
    """Left to right in rows of 24 columns."""
    places, x, y, high = [], 0, 0, 0
    for width, height in sizes:
        if x + width > 24:
            x, y, high = 0, y + high, 0
        places.append({"x": x, "y": y, "w": width, "h": height})
        x, high = x + width, max(high, height)
    return places


def _panel(
    number: int,
    title: str,
    kind: str,
    unit: str,
    place: dict[str, int],
    source: dict[str, str],
    targets: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "id": number,
        "title": title,
        "type": kind,
        "gridPos": place,
        "datasource": source,
        "targets": targets,
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {},
    }


def _dashboard(
    uid: str, title: str, since: str, panels: list[dict[str, Any]], variables: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "uid": uid,
        "title": title,
        "tags": ["run-tracker"],
        "timezone": "browser",
        "editable": False,
        "schemaVersion": 41,
        "refresh": "1m",
        "time": {"from": since, "to": "now"},
        "templating": {"list": variables},
        "annotations": {"list": []},
        "panels": panels,
    }


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    main()
