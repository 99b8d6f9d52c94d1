"""Addresses as people type, share and bookmark them: each leads to its page, or to a page that says what is wrong."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from stores.tables.client import Tables
from tests.support.whole import Whole, case, whole

SLASHED = "lab/nightly #1 100%"
ODD = "scheduled__2026-11-26T00:00:00+00:00"


@pytest.fixture
def tracker(tables: Tables, tmp_path: Path) -> Iterator[Whole]:
    with whole(tables, tmp_path) as started:
        started.send(case("36"))
        yield started


def test_a_run_opens_by_a_name_with_any_character(tracker: Whole) -> None:
    ref = quote(SLASHED, safe="")
    assert ref == "lab%2Fnightly%20%231%20100%25"
    assert tracker.run(SLASHED)["id"] == "slash-name"
    for below in ("/history", "/transitions", "/tasks", "/processes", "/concurrency", "/costs", "/notes"):
        tracker.get(f"/runs/{ref}{below}")
    for below in ("", "/tasks", "/timeline"):
        page = tracker.page(f"/runs/{ref}{below}", tab="all")
        assert "lab/nightly #1 100%" in unescape(page) and "-resume" not in page
    hidden = tracker.request("POST", f"/runs/{ref}/hidden", data={"hidden": "yes"})
    assert (hidden.status_code, hidden.headers["location"]) == (303, f"/runs/{ref}")
    assert tracker.request("PUT", f"/api/v1/runs/{ref}/labels", json={"labels": ["a"]}).status_code == 202


def test_every_link_of_a_run_with_odd_processes_opens(tracker: Whole) -> None:
    page = tracker.page("/runs/odd-processes") + tracker.page(f"/runs/{quote(ODD, safe='')}", tab="overview")
    links = {unescape(link) for link in re.findall(r'href="(/runs/[^"]*)"', page)}
    assert sum("/process?" in link for link in links) == 8
    for link in links:
        assert tracker.request("GET", link).status_code == 200, link
    assert tracker.run("odd-processes")["resume_command"] is None


def test_an_unknown_page_is_a_page(tracker: Whole) -> None:
    for path in (
        "/runs/no%20such%20run",
        "/nothing",
        "/runs/odd-processes/no",
        "/runs/lab%2Fno",
        "/static/no",
    ):
        assert 'href="/"' in tracker.page(path, status=404)
        for address, accepted in ((path, "application/json"), (f"/api/v1{path}", "text/html")):
            answer = tracker.request("GET", address, headers={"Accept": accepted})
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_addresses_with_a_slash_at_the_end_and_the_folder_of_all_runs_lead_on(tracker: Whole) -> None:
    ref = quote(SLASHED, safe="")
    for path, to in (
        (f"/runs/{ref}/", f"/runs/{ref}"),
        ("/runs/odd-processes/?tab=all", "/runs/odd-processes?tab=all"),
        ("/runs/odd-processes/tasks/", "/runs/odd-processes/tasks"),
        ("/runs", "/"),
        ("/runs/?status=failed", "/?status=failed"),
    ):
        answer = tracker.request("GET", path)
        assert (answer.status_code, answer.headers.get("location")) == (307, to)
        assert tracker.request("GET", to).status_code == 200


def test_times_are_taken_as_people_type_them(tracker: Whole) -> None:
    """The runs of the case began at 2026-11-26T10:00:00Z, some seconds before `now`."""
    for started_after, found in (
        ("2026-11-26", True),
        ("2026-11-27", False),
        ("2026-11-26 09:59", True),
        ("2026-11-26T10:01", False),
        ("2026-11-26T10:30+01:00", True),
        ("2026-11-26T09:30-01:00", False),
        ("-7d", True),
        ("-24h", True),
        ("-0m", False),
    ):
        page = tracker.page("/", started_after=started_after)
        assert ('id="run-odd-processes"' in page) is found, started_after
        assert f'value="{started_after}"' in page and 'type="datetime-local"' in page
    assert tracker.get("/runs", started_after="-7d", started_before="2026-11-27")["runs"]
    assert not tracker.get("/runs", started_before="-24h")["runs"]


def test_a_wrong_filter_shows_the_form_with_the_field_marked(tracker: Whole) -> None:
    for name, value in (
        ("started_after", "yesterday"),
        ("started_before", "2026-13-01"),
        ("status", "live"),
        ("search", "x" * 2000),
    ):
        answer = tracker.request("GET", "/", params={name: value})
        assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
        page = answer.text
        [field] = re.findall(rf'<(?:input|select)[^>]*name="{name}"[^>]*>', page)
        assert 'aria-invalid="true"' in field and page.count("aria-invalid") == 1
        assert f'id="wrong-{name}"' in page and len(page) < 20_000
        answer = tracker.request("GET", "/api/v1/runs", params={name: value})
        assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
        assert answer.json()["errors"][0]["where"] == f"query.{name}"
    assert "page_token" in tracker.page("/", status=400, page_token="x")


def test_a_wrong_filter_below_a_run_shows_its_form_too(tracker: Whole) -> None:
    for path, name, value in (
        ("tasks", "status", "done"),
        ("tasks", "search", "x" * 2000),
        ("tasks", "process", "x" * 20_000),
        ("tasks", "sort", "<b>"),
        ("timeline", "status", "done"),
        ("timeline", "search", "x" * 2000),
        ("timeline", "group", "colour"),
        ("timeline", "bars", "many"),
    ):
        answer = tracker.request("GET", f"/runs/odd-processes/{path}", params={name: value})
        assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
        page = answer.text
        fields = re.findall(rf'<(?:input|select)[^>]*name="{name}"[^>]*aria-invalid="true"[^>]*>', page)
        assert len(fields) == (name not in ("sort", "bars")), (path, name)
        assert (
            page.count("aria-invalid") == len(fields) and f'id="wrong-{name}"' in page and "<b>" not in page
        )
        assert 'class="filters"' in page and len(page) < 20_000
        assert f'href="/runs/odd-processes/{path}"' in page  # all of them
    answer = tracker.request("GET", "/runs/odd-processes/timeline.json", params={"group": "colour"})
    assert answer.status_code == 400 and tracker.page("/runs/no/tasks", status=404)


def test_an_address_with_the_report_of_a_former_tracker_opens_the_run(tracker: Whole) -> None:
    """A browser keeps what follows the #, and the script of the page opens the tab of that name, if there is one."""
    answer = tracker.request("GET", "/runs/odd-processes/")
    assert answer.headers["location"] == "/runs/odd-processes"
    assert "data-open=" in tracker.page("/runs/odd-processes", tab="reports:1")
