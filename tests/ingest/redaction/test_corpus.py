"""The corpus: nothing secret in `positives.txt` survives, nothing in `negatives.txt` is hidden."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from ingest.redaction import payloads, text

HERE = Path(__file__).parent
READERS: dict[str, Callable[[str], str]] = {
    "text": text.text,
    "script": text.script,
    "env": text.env,
    "config": text.config,
    "json": lambda line: json.dumps(payloads.value(json.loads(line))),
}
_MARK = re.compile("⟦(.*?)⟧", re.DOTALL)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_ALPHABETS = {"": _LETTERS, "h": "0123456789abcdef", "U": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"}


def corpus(name: str) -> list[tuple[str, str]]:
    """(how it is read, text) of each line."""
    random = Random(name)

    def fill(wanted: re.Match[str]) -> str:
        return "".join(random.choices(_ALPHABETS[wanted[1]], k=int(wanted[2])))

    entries = []
    for line in (HERE / name).read_text().splitlines():
        if not line.startswith("#"):
            kind, _, rest = line.partition(" ")
            rest = re.sub("§([hU]?)([0-9]+)§", fill, rest)
            if kind != "json":
                rest = (
                    rest.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\")
                )
            entries.append((kind, rest))
    return entries


POSITIVES, NEGATIVES = corpus("positives.txt"), corpus("negatives.txt")

#: Positives that survive, known: none.
KNOWN_MISSES: frozenset[str] = frozenset()


def missed(kind: str, marked: str) -> list[str]:
    """The secrets of a positive that are still in what is kept of it."""
    kept = READERS[kind](_MARK.sub(r"\1", marked))
    return [secret for secret in _MARK.findall(marked) if secret in kept]


def test_recall_and_precision() -> None:
    assert len(POSITIVES) >= 150 and len(NEGATIVES) >= 150
    assert all(_MARK.search(marked) for _, marked in POSITIVES)
    survive = [marked for kind, marked in POSITIVES if missed(kind, marked)]
    hidden = [line for kind, line in NEGATIVES if READERS[kind](line) != line]
    found = len(POSITIVES) - len(survive)
    print(
        f"{len(POSITIVES)} positives, {len(NEGATIVES)} negatives: "
        f"recall {found / len(POSITIVES):.3f}, precision {found / (found + len(hidden)):.3f}"
    )
    assert set(survive) == KNOWN_MISSES, "\n".join(survive)
    assert not hidden, "\n".join(hidden)


@pytest.mark.parametrize("entries", [POSITIVES, NEGATIVES], ids=["positives", "negatives"])
def test_redacting_twice_is_redacting_once(entries: list[tuple[str, str]]) -> None:
    for kind, marked in entries:
        once = READERS[kind](_MARK.sub(r"\1", marked))
        assert READERS[kind](once) == once


def test_what_stands_around_a_secret_is_kept() -> None:
    assert (
        text.text("docker login -u me -p hunter2 reg.example.org")
        == "docker login -u me -p [redacted] reg.example.org"
    )
    assert text.text("curl -u me:hunter2 https://h") == "curl -u [redacted] https://h"
    assert text.text("password=a,b --x 1, y=2") == "password=[redacted] --x 1, y=2"
    assert text.text("[team:'g', token:x, cost:'low']") == "[team:'g', token:[redacted], cost:'low']"
    assert (
        text.text("https://hooks.slack.com/services/T/B/x ok")
        == "https://hooks.slack.com/services/[redacted] ok"
    )
