"""What a person's runs cost and keep: which are listed, the totals, whose they are, and their deletion together."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api.auth.permissions import forbidden
from api.core import commands
from api.core.db import Reader
from api.core.problems import Problem
from api.dashboard import pages
from api.dashboard.models import DashboardFilter, Ended, LargerThan, Order, Since
from api.dashboard.queries import choices, dashboard_url, names_of, page_of_runs, totals
from api.outputs import commands as outputs_commands
from schemas.access import Act, Caller, How, Role
from stores.tables.client import Tables
from tests.support.api.mcp_client import call
from tests.support.files.outputs import Outputs, outputs_on_disk
from tests.support.files.shelves import local_shelf

DAY = 86_400_000
ADA = Caller("ada", Role.VIEWER, How.TOKEN, "k1")
ROOT = Caller("root", Role.ADMIN, How.TOKEN, "k2")


@pytest.fixture
def stage(tables: Tables, tmp_path: Path) -> Iterator[Outputs]:
    """Runs of 40 days ago (old), of yesterday (large, Small, bad, bare) and of now (live), of two people."""
    with outputs_on_disk(tables, tmp_path) as beside:
        root = Path(beside.tracker.settings.local_roots)
        shelf = local_shelf(root)
        sizes = {"old": 10, "large": 5000, "Small": 20, "bad": 300}
        shelf.put({f"{name}/a.txt": b"x" * size for name, size in sizes.items()})
        beside.over("old", f"{root}/old", user_name="ada", project_name="lab/old")
        beside.collect()
        beside.tracker.now += 40 * DAY
        for name in ("large", "Small", "bare"):
            folder = f"{root}/{name}" if name in sizes else ""
            beside.over(name, folder, user_name="bob" if name == "Small" else "ada", project_name="lab/x")
        beside.begin("bad", f"{root}/bad", user_name="ada", project_name="lab/y")
        beside.end("bad", "failed")
        beside.collect()
        labelled = beside.tracker.request("PUT", "/api/v1/runs/large/labels", json={"labels": ["tumour"]})
        assert labelled.status_code == 202
        beside.begin("live", f"{root}/live", user_name="ada")
        beside.tracker.tick()
        yield beside


def reader_of(stage: Outputs) -> Reader:
    return Reader(stage.tracker.tables, stage.tracker.settings, lambda: stage.tracker.now)


def names(stage: Outputs, order: Order = Order.NAME, **filter: Any) -> list[str]:
    found, _ = page_of_runs(reader_of(stage), DashboardFilter(**filter), order, "", 100)
    return [r.name for r in found]


def test_which_runs(stage: Outputs) -> None:
    assert names(stage) == ["bad", "bare", "large", "Small"], "not those that are live, nor older ones"
    assert names(stage, since=Since.ALL) == ["bad", "bare", "large", "old", "Small"]
    assert names(stage, person="bob") == ["Small"]
    assert names(stage, status=Ended.FAILED) == ["bad"]
    assert names(stage, status=Ended.SUCCEEDED, person="ada") == ["bare", "large"]
    assert names(stage, label="tumour") == ["large"] == names(stage, search="UMOU")
    assert names(stage, search="lab/x") == ["bare", "large", "Small"]
    assert names(stage, search="/Small/") == ["Small"], "by the output folder"
    assert names(stage, size=LargerThan.GIB) == []
    everything: dict[str, Any] = {
        "names": ["live", "old", "nobody"],
        "since": Since.WEEK,
        "person": "bob",
        "search": "zz",
    }
    assert names(stage, **everything) == ["old"], (
        "named runs are shown whatever the filter says, once they are over"
    )


def test_the_order_and_pages(stage: Outputs) -> None:
    every: dict[str, Any] = {"since": Since.ALL}
    assert names(stage, Order.NEWEST, **every) == ["bad", "bare", "Small", "large", "old"]
    assert names(stage, Order.OLDEST, **every) == ["old", "large", "Small", "bare", "bad"]
    assert names(stage, Order.LARGEST, **every) == ["large", "bad", "Small", "old", "bare"]
    assert names(stage, Order.SMALLEST, **every) == ["old", "Small", "bad", "large", "bare"], (
        "unknown is last"
    )
    assert names(stage, Order.NAME_DOWN, **every) == ["Small", "old", "large", "bare", "bad"]
    reader, seen, token = reader_of(stage), [], ""
    while True:
        found, after = page_of_runs(reader, DashboardFilter(since=Since.ALL), Order.LARGEST, token, 2)
        seen += [r.name for r in found]
        if after is None:
            break
        token = after
    assert seen == ["large", "bad", "Small", "old", "bare"]


def test_a_name_means_its_newest_run(stage: Outputs) -> None:
    stage.begin("r2", name="old")
    stage.end("r2")
    stage.tracker.project()
    found, _ = page_of_runs(reader_of(stage), DashboardFilter(names=["old"]), Order.NAME, "", 10)
    assert [r.id for r in found] == ["r2"]
    assert names_of(" a  b a ") == ["a", "b"]


def test_totals_and_choices(stage: Outputs) -> None:
    reader = reader_of(stage)
    found = totals(reader, DashboardFilter(since=Since.ALL))
    assert (found.runs, found.bytes, found.files, found.deleted, found.unknown) == (5, 5330, 4, 0, 1)
    assert found.tiers is None and found.cost == "0"
    offered = choices(reader, "ada")
    assert (offered.labels, offered.people) == (["tumour"], ["ada", "bob"])
    assert choices(reader, "bob").labels == []


def test_whose_runs_a_caller_sees() -> None:
    assert pages._person(ADA, "bob") == "ada", "the address gives nobody the runs of others"
    assert pages._person(ROOT, "") == "root" and pages._person(ROOT, "bob") == "bob"
    assert pages._person(ROOT, "*") == "" == pages._person(Caller("", Role.ADMIN, How.OPEN, "p"), "")


def test_the_page_and_deleting_many(stage: Outputs, monkeypatch: pytest.MonkeyPatch) -> None:
    tracker, root = stage.tracker, Path(stage.tracker.settings.local_roots)
    monkeypatch.setattr(commands, "VISIBLE_WITHIN", 0.0)  # nobody projects meanwhile
    page = tracker.page("/dashboard", time="all", search="lab/")
    assert re.findall(r'name="run" value="(\w+)"', page) == ["bad", "Small", "large", "old"], (
        "bare has no folder"
    )
    assert '<input type="hidden" name="back" value="time=all&amp;search=lab%2F">' in page
    assert '<option value="all" selected>all</option>' in page and "<option>bob</option>" in page
    for wrong in ({"time": "8d"}, {"sort": "size"}, {"size": "2GiB"}, {"page_token": "x"}):
        tracker.page("/dashboard", status=400, **wrong)
    form = {"run": ["large", "Small"], "back": "time=all"}
    for confirm in ("", "yes"):
        refused = tracker.request("POST", "/dashboard/delete", data=form | {"confirm": confirm})
        assert refused.status_code == 400
    assert tracker.request("POST", "/dashboard/delete", data={"confirm": "delete"}).status_code == 400
    answer = tracker.request("POST", "/dashboard/delete", data=form | {"confirm": "delete"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard?time=all")
    tracker.project()
    page = tracker.page("/dashboard", time="all")
    assert "2 under way" in page and 'data-live="3"' in page
    stage.collect()
    assert not (root / "large").exists() and not (root / "Small").exists() and (root / "bad").exists()
    page = tracker.page("/dashboard", time="all")
    assert "0 under way, 2 succeeded" in page and ">Deleted</a>" in page and "data-live" not in page
    assert re.findall(r'name="run" value="(\w+)"', page) == ["bad", "old"]
    found = totals(reader_of(stage), DashboardFilter(since=Since.ALL))
    assert (found.bytes, found.files, found.deleted) == (310, 2, 2)
    answer = tracker.request(
        "POST", "/dashboard/delete", data=form | {"confirm": "delete", "run": ["live", "bad"]}
    )
    assert answer.status_code == 409 and "the run is not over" in answer.text and "1 run " in answer.text
    stage.collect()
    assert not (root / "bad").exists()


def test_nobody_deletes_for_others(stage: Outputs) -> None:
    """Runs of nobody, as while the tracker was open, are not a viewer's."""
    tracker, reader = stage.tracker, reader_of(stage)
    work = outputs_commands.request_deletions(
        tracker.log, reader, stage.stores, ADA, ["large", "unknown"], tracker.now
    )
    outcomes = tracker.do(work)
    assert isinstance(outcomes["large"], Problem)
    assert outcomes["large"].detail == forbidden(ADA, Act.DELETE_OUTPUTS).detail
    assert isinstance(outcomes["unknown"], Problem) and outcomes["unknown"].status_code == 404
    stage.collect()
    assert (Path(tracker.settings.local_roots) / "large").exists()


def test_a_program_gives_a_person_the_address(stage: Outputs) -> None:
    tracker = stage.tracker
    url = call(tracker.app, "dashboard_url", runs=["old", "large"])["url"]
    assert url == "http://tracker/dashboard?names=old%20large"
    page = unescape(tracker.page(url.removeprefix("http://tracker")))
    assert 'id="filters"' not in page and set(re.findall(r'name="run" value="(\w+)"', page)) == {
        "old",
        "large",
    }
    stage.begin("r2", name="old")
    stage.begin("r3", name="two words")
    tracker.project()
    reader = reader_of(stage)
    address = dashboard_url(reader, ["old", "two words"])
    assert parse_qs(urlsplit(address).query) == {"names": ["r2 r3"]}, "ids where a name is not enough"
    assert "Not shown, since they are not over or not known: r2, r3" in tracker.page(
        "/dashboard", names="r2 r3"
    )
    with pytest.raises(Problem):
        dashboard_url(reader, ["nobody"])
