"""Lists of runs in another order: each column both ways, what nobody told last, paging, filters; by whom."""

import pytest

from api.core.params import RUN_SORTS
from schemas.values import iso
from tests.support.api.stage import T0, Stage

#: What three runs show in a list, from the least to the greatest.
ORDER = {
    "name": ["r2", "r1", "r3"],  # Alpha, beta, gamma: by letters, whatever the case
    "status": ["r3", "r2", "r1"],  # failed, running, succeeded
    "total": ["r3", "r1", "r2"],
    "failed": ["r2", "r1", "r3"],
    "pipeline": ["r2", "r3", "r1"],  # Beta/flow by its manifest, lab/b, org/a
    "started_at": ["r3", "r1", "r2"],
    "completed_at": ["r3", "r1"],
    "duration_ms": ["r3", "r2", "r1"],
    "peak_concurrency": ["r1", "r3", "r2"],
    "cost": ["r2", "r1", "r3"],
    "user_name": ["r1", "r3", "r2"],
}


def fill(stage: Stage) -> None:
    """Three runs as in ORDER, and two of which next to nothing is known."""
    stage.tick(T0 + 500)
    stage.run(
        "r1", at=T0 + 1, facts={"name": "beta", "project_name": "org/a", "user_name": "Ann", "started_at": iso(T0 + 50)},
        completed={"state": "succeeded", "completed_at": iso(T0 + 800), "duration_ms": 999}, labels=["x"],
    )  # fmt: skip
    stage.run(
        "r2", at=T0 + 2, begun=1, last_instant=iso(T0 + 300),
        facts={"name": "Alpha", "project_name": "main.nf", "user_name": "cid", "started_at": iso(T0 + 60)},
        fact_texts={"manifest": '{"name": "Beta/flow"}'},
    )  # fmt: skip
    stage.run(
        "r3", at=T0 + 3, facts={"name": "gamma", "repository": "lab/b", "user_name": "bob", "started_at": iso(T0 + 40)},
        completed={"state": "failed", "completed_at": iso(T0 + 140)},
    )  # fmt: skip
    for run_id, total, failed, peak, cost in (
        ("r1", 5, 2, 1, "2"),
        ("r2", 9, 0, 7, "0.5"),
        ("r3", 3, 3, 4, "10"),
    ):
        figures = {"total": total, "failed": failed, "succeeded": total - failed, "peak": peak, "cost": cost}
        stage.figures(run_id, tasks=total, **figures)
    stage.run("s1", at=T0 + 4)
    stage.run("s2", at=T0 + 5)


def ids(stage: Stage, **asked: object) -> list[str]:
    return [r["id"] for r in stage.get("/runs", **asked)["runs"]]


def test_each_column_sorts_both_ways_and_what_is_not_known_comes_last(stage: Stage) -> None:
    fill(stage)
    assert set(ORDER) == RUN_SORTS
    known_of_all = {"name", "status", "total", "failed", "peak_concurrency"}
    for column, order in ORDER.items():
        up, down = ids(stage, sort=column), ids(stage, sort=f"-{column}")
        assert [i for i in up if i in order] == order, column
        assert [i for i in down if i in order] == order[::-1], column
        if column not in known_of_all:
            untold = [i for i in ids(stage) if i not in order]
            assert up[len(order) :] == down[len(order) :] == untold, column
    assert ids(stage) == ["s2", "s1", "r3", "r2", "r1"]


def test_sorted_runs_page_and_filter(stage: Stage) -> None:
    fill(stage)
    pages = [[r["id"] for r in p] for p in stage.pages("/runs", "runs", sort="-duration_ms", page_size=2)]
    assert pages == [["r1", "r2"], ["r3", "s2"], ["s1"]]
    for asked, found in (
        ({"status": "failed,running"}, ["r2", "r3", "s1", "s2"]),
        ({"user": "bob"}, ["r3"]),
        ({"label": "x"}, ["r1"]),
        ({"search": "ALPH"}, ["r2"]),
        ({"started_after": iso(T0 + 50), "started_before": iso(T0 + 61)}, ["r1", "r2"]),
    ):
        assert sorted(ids(stage, sort="cost", **asked)) == found == sorted(ids(stage, **asked)), asked


def test_user_is_matched_whole(stage: Stage) -> None:
    fill(stage)
    assert ids(stage, user="Ann") == ["r1"] and ids(stage, user="An") == ids(stage, user="ann") == []


@pytest.mark.parametrize("sort", ["drop", "-", "run_id", "labels", "--name", "by_name", "name;"])
def test_an_unknown_order_is_refused(stage: Stage, sort: str) -> None:
    assert "sort: give one of completed_at, cost" in stage.refused(400, "/runs", sort=sort)["detail"]


def test_a_token_belongs_to_its_order(stage: Stage) -> None:
    fill(stage)
    token = stage.get("/runs", sort="name", page_size=1)["next_page_token"]
    for sort in ("", "-name"):
        assert "page_token" in stage.refused(400, "/runs", sort=sort, page_token=token)["detail"]
