"""Two runs beside each other: what differs, each process in both, the last good run, the page."""

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.compare.models import ProcessSide
from api.compare.queries import changes, config_change, ratios
from projections.costs.in_force import put_in_force
from projections.costs.price_book import PriceBook, Rate
from schemas.values import iso
from tests.support.api.stage import T0, Stage

HOUR, GIB = 3_600_000, 2**30
BOOK = PriceBook(rates=[Rate(per_cpu_hour=Decimal(1))]).whole()


def fill(stage: Stage) -> None:
    """Three runs of one pipeline: good, then failed, then one more that failed; the first has a process that the last has not."""
    for n, (name, state, revision) in enumerate(
        (("good", "succeeded", "1.0"), ("bad", "failed", "1.0"), ("now", "failed", "1.1"))
    ):
        facts = {
            "name": name,
            "project_name": "lab/rna",
            "revision": revision,
            "runner_name": "nextflow",
            "started_at": iso(T0 + n * HOUR),
        }
        texts = {
            "params": json.dumps({"input": "a.csv", "depth": n, "same": [1]}),
            "config_text": f"process {{\n  cpus = {n}\n}}\n",
        }
        stage.run(f"r{n}", at=T0 + n * HOUR, facts=facts, fact_texts=texts, completed={"state": state})
    a: dict[str, Any] = {"process": "W:A", "cpus": 1, "started_at": 0, "container": "a:1"}
    stage.task("r0", 1, completed_at=HOUR, realtime_ms=HOUR, peak_rss_bytes=GIB, **a)
    stage.task("r0", 2, process="W:OLD", started_at=0, completed_at=HOUR, cpus=1)
    stage.task("r0", 3, "cached", process="W:C", started_at=0, completed_at=HOUR, realtime_ms=HOUR)
    stage.task(
        "r2",
        1,
        completed_at=2 * HOUR,
        realtime_ms=2 * HOUR,
        peak_rss_bytes=3 * GIB,
        **a | {"container": "a:2"},
    )
    stage.task("r2", 2, "failed", completed_at=HOUR, realtime_ms=HOUR, **a | {"container": "a:2"})
    stage.task("r2", 3, process="W:C", started_at=0, completed_at=HOUR, realtime_ms=HOUR, cpus=1)


def test_the_answer_beside_the_last_good_run(stage: Stage) -> None:
    put_in_force(stage.tables, BOOK)
    fill(stage)
    found = stage.get("/compare", a="now")
    assert (found["a"]["name"], found["b"]["name"], found["currency"]) == ("now", "good", "USD")
    assert found == stage.get("/compare", a="r2", b="r0")
    assert found["workflow"] == [{"name": "revision", "a": "1.1", "b": "1.0"}]
    assert found["params"] == [{"name": "depth", "a": "2", "b": "0"}]
    assert found["config"] == {"only_a": ["  cpus = 2"], "only_b": ["  cpus = 0"], "more": False}
    assert found["containers"] == [
        {"name": "W:A", "a": "a:2", "b": "a:1"},
    ]
    of = {p["process"]: p for p in found["processes"]}
    assert [p["process"] for p in found["processes"]] == ["W:A", "W:C", "W:OLD"], (
        "most time gained or lost first"
    )
    assert (of["W:A"]["b"]["tasks"], of["W:A"]["a"]["tasks"], of["W:A"]["a"]["failed"]) == (1, 2, 1)
    assert (of["W:A"]["a"]["succeeded"], of["W:A"]["a"]["task_ms_p50"]) == (1, HOUR)
    ratios = ("ratio_time", "ratio_task_time", "ratio_memory", "ratio_cost")
    assert [of["W:A"][r] for r in ratios] == [3.0, 1.0, 3.0, 3.0]
    assert of["W:OLD"]["a"] is None and of["W:OLD"]["ratio_time"] is None
    cached = of["W:C"]
    assert (cached["b"]["cached"], cached["b"]["time_ms"], cached["b"]["task_ms_p50"]) == (1, 0, None)
    assert cached["ratio_time"] is None, "nothing to divide by"


def test_where_there_is_nothing_to_compare_with(stage: Stage) -> None:
    fill(stage)
    assert "no" in stage.refused(404, "/compare", a="good")["detail"], "nothing before it succeeded"
    stage.refused(404, "/compare", a="nobody", b="good")
    stage.refused(404, "/compare", a="nobody")
    stage.refused(400, "/compare")
    itself = stage.get("/compare", a="now", b="now")
    assert itself["workflow"] == itself["params"] == itself["containers"] == []
    assert all(p["ratio_time"] in (1, None) for p in itself["processes"])
    stage.run("r9", facts={"name": "strange"}, completed={"state": "failed"})
    stage.refused(404, "/compare", a="strange")


def test_the_page_and_the_way_to_it(stage: Stage) -> None:
    fill(stage)
    assert 'href="/compare?a=r2"' in stage.request("GET", "/runs/now").text
    answer = stage.request("GET", "/compare", params={"a": "r2"})
    assert answer.status_code == 200
    page = answer.text
    assert "3.00</span>" in page and 'id="process-comparison"' in page
    assert "\n-   cpus = 0\n+   cpus = 2\n" in page and "+ only in now, - only in good." in page
    assert '/compare?a=r0&amp;b=r2"' in page
    stage.run(
        "r8",
        facts={"name": "<script>alert(1)</script>"},
        fact_texts={"params": '{"<b>": "<i>"}', "config_text": "<u>"},
    )
    evil = stage.request("GET", "/compare", params={"a": "r8", "b": "r2"}).text
    assert "<script>alert" not in evil and "<b>" not in evil and "<u>" not in evil
    assert stage.request("GET", "/compare", params={"a": "r0"}).status_code == 404
    assert stage.request("GET", "/compare").status_code == 400


def test_long_texts_are_cut() -> None:
    found = config_change("\n".join(f"a{n}" for n in range(5000)), "x" * 10**6)
    assert found.more and len(found.only_a) == 200 and max(map(len, found.only_b)) == 500
    many = changes({str(n): n for n in range(5000)}, {"0": "y" * 10**6})
    assert len(many) == 200 and len(many[0].b or "") == 501


_LINES = st.lists(st.sampled_from(["a", "b", " c", "d ", ""]), max_size=30)


@given(_LINES, _LINES)
def test_lines_of_both_are_told_of_neither(a: list[str], b: list[str]) -> None:
    found, back = config_change("\n".join(a), "\n".join(b)), config_change("\n".join(b), "\n".join(a))
    assert (found.only_a, found.only_b) == (back.only_b, back.only_a)
    assert config_change("\n".join(a), "\n".join(reversed(a))).only_a == []
    known = [sum(1 for line in x if line.strip()) for x in (a, b)]
    assert known[0] - len(found.only_a) == known[1] - len(found.only_b), "what is left stands in both"


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_a_ratio_is_a_number_or_nothing(a: int, b: int) -> None:
    def side(ms: int) -> ProcessSide:
        return ProcessSide(
            tasks=1,
            succeeded=1,
            failed=0,
            cached=0,
            wallclock_ms=ms,
            time_ms=ms,
            task_ms_p50=ms,
            peak_rss_max=ms,
            cost=str(ms),
            containers=[],
        )

    its = ratios(side(a), side(b))
    assert len(set(its.values())) == 1 and (its["ratio_time"] is None) == (b == 0)
    assert ratios(None, side(b)) == dict.fromkeys(its)
