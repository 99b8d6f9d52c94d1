"""The list of runs as a page: links that filter, their counts, what fields offer, and what needs attention."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

from tests.support.api.stage import T0, Stage


def chips(text: str, nav: str = "Status") -> dict[str, tuple[str, bool, str]]:
    """Of the links of this kind: name → its address, whether it is in force, and the count beside it."""
    found = text.split(f'aria-label="{nav}"')[1].split("</nav>")[0]
    links = re.findall(r'href="([^"]*)"( aria-current="true")?>(.*?)</a>', found, re.DOTALL)
    texts = [re.sub(r"<svg.*?</svg>|<[^>]+>", "", body, flags=re.DOTALL).split() for _, _, body in links]
    return {
        (" ".join(words[:-1]) if nav == "Status" else " ".join(words)): (unescape(href), bool(on), words[-1])
        for (href, on, _), words in zip(links, texts, strict=True)
    }


def filled(stage: Stage) -> None:
    """Two that failed, one that succeeded, one that is live; one of the failed ones is hidden."""
    stage.tick(T0, clock_ms=1)
    for n, state in enumerate(("failed", "succeeded", "failed")):
        facts = {"name": f"n{n}", "user_name": "ann", "project_name": "lab/x y"}
        hidden = {"hiding": {"offset": 7, "hidden": 1, "by": "ada"}} if n == 2 else {}
        stage.run(f"r{n}", facts=facts, completed={"state": state}, labels=["night, <b>"], **hidden)
        stage.figures(f"r{n}", tasks=1, total=1)
    stage.run("r9", begun=1, facts={"name": "n9", "user_name": "bob"}, seen={"observed": 0, "appended": T0})


def test_statuses_are_links_with_counts_and_several_at_once(stage: Stage) -> None:
    filled(stage)
    text = stage.request("GET", "/?status=failed&search=n&sort=-name").text
    links = chips(text)
    assert {name: n for name, (_, _, n) in links.items() if n != "0"} == {
        "all": "3", "failed": "1", "succeeded": "1", "running": "1",
    }  # fmt: skip
    assert [name for name, (_, on, _) in links.items() if on] == ["failed"]
    added = parse_qs(urlsplit(links["running"][0]).query)
    assert added == {"search": ["n"], "sort": ["-name"], "status": ["failed,running"]}
    both = stage.request("GET", links["running"][0]).text
    assert [name for name, (_, on, _) in chips(both).items() if on] == ["running", "failed"]
    assert both.count("<tr id=") == 2
    assert "status" not in links["failed"][0], "a second click takes it away"
    assert chips(stage.request("GET", "/").text)["all"][1]
    assert '<input type="hidden" name="status" value="failed">' in text, "the form keeps them"


def test_a_hidden_run_counts_where_hidden_ones_are_listed(stage: Stage) -> None:
    filled(stage)
    assert chips(stage.request("GET", "/?hidden=true").text)["failed"][2] == "2"
    assert chips(stage.request("GET", "/?user=bob").text)["all"][2] == "1"


def test_a_period_is_one_click(stage: Stage) -> None:
    filled(stage)
    periods = chips(stage.request("GET", "/?started_after=-7d&user=ann").text, "Started within")
    assert list(periods) == ["24 h", "7 d", "30 d", "all"] and periods["7 d"][1] and not periods["all"][1]
    assert periods["24 h"][0] == "/?user=ann&started_after=-24h" and periods["all"][0] == "/?user=ann"
    own = stage.request("GET", "/?started_after=2023-01-01").text
    assert not any(on for _, on, _ in chips(own, "Started within").values()) and 'id="range" open' in own


def test_fields_offer_what_runs_have_and_nothing_of_hidden_ones(stage: Stage) -> None:
    filled(stage)
    stage.run("h", facts={"name": "h", "user_name": "secret"}, hiding={"offset": 7, "hidden": 1, "by": "ada"})
    assert stage.request("GET", "/suggestions.json").json() == {
        "user": ["ann", "bob"], "pipeline": ["lab/x y"], "label": ["night, <b>"],
    }  # fmt: skip


def test_many_that_need_attention_are_few_lines_and_a_link(stage: Stage) -> None:
    stage.tick(T0, clock_ms=1)
    for n in range(7):
        stage.run(f"r{n}", at=T0 + n, facts={"name": f"n{n}"}, completed={"state": "failed"})
        stage.figures(f"r{n}", tasks=1, total=1, failed=1)
    text = stage.request("GET", "/").text
    assert text.count('<li id="needs-') == 5 and 'href="/?attention=all">+2 more' in text
    every = stage.request("GET", "/?attention=all").text
    assert every.count('<li id="needs-') == 7 and " more</a>" not in every
