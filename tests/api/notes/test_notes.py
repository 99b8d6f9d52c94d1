"""Notes in an answer and on the page: the newest, bounded in number and bytes."""

import pytest

from api.notes import queries
from schemas.values import iso
from stores.tables.client import Tables
from tests.support.api.stage import T0, Stage


@pytest.fixture
def stage(tables: Tables) -> Stage:
    stage = Stage(tables)
    stage.run("r", facts={"name": "n"})
    return stage


def write(stage: Stage, *texts: tuple[str, str]) -> None:
    """(note, text) of versions, in their order."""
    rows = [
        {
            "run_id": "r",
            "kind": "note",
            "note_id": note,
            "partition": 0,
            "offset": n,
            "author": "ann",
            "text": text,
            "written_at": iso(T0 + n),
        }
        for n, (note, text) in enumerate(texts)
    ]
    stage.insert("notes", *rows)


def test_the_newest_version_counts_and_an_empty_one_takes_the_note_away(stage: Stage) -> None:
    write(stage, ("a", "one"), ("b", "gone"), ("a", "two"), ("b", ""), ("c", "three"))
    answer = stage.get("/runs/r/notes")
    assert [(n["id"], n["text"], n["written_at"]) for n in answer["notes"]] == [
        ("c", "three", iso(T0 + 4)),
        ("a", "two", iso(T0)),
    ]
    assert [v["text"] for v in answer["notes"][1]["versions"]] == ["one", "two"] and not answer["more"]


def test_an_answer_is_bounded_in_bytes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 notes of 20 versions of 100 KB would be 1 GB in one answer."""
    monkeypatch.setattr(queries, "MOST_BYTES", 100_000)
    long = "x" * 9_000
    write(stage, *((f"n{n % 20:02}", f"{n:03} {long}") for n in range(100)))
    answer = stage.get("/runs/r/notes")
    kept = [v["text"][:3] for n in answer["notes"] for v in n["versions"]]
    assert sorted(kept) == [f"{n:03}" for n in range(88, 100)], "the newest, and one above the limit"
    assert answer["more"] and answer["notes"][0]["id"] == "n19"
    assert answer["notes"][0]["written_at"] == iso(T0 + 19), "although that version is left out"
    page = stage.request("GET", "/runs/r?tab=notes").text
    assert "Older notes are left out here" in page and len(page) < 400_000


def test_a_page_reads_so_much_as_markdown_and_shows_the_rest_as_it_was_written(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty notes of 100,000 characters, made to be dear, took two minutes at each view, as all together are not kept."""
    monkeypatch.setattr(queries, "MOST_MARKDOWN", 30)
    write(stage, ("old", "*old* <b>"), ("long", "*long* " + "x" * 20), ("new", "*new*"))
    page = stage.request("GET", "/runs/r?tab=notes").text
    assert "<em>new</em>" in page and "<pre>*long* xxx" in page and "<pre>*old* &lt;b&gt;</pre>" in page
