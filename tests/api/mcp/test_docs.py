"""The session of docs/mcp.md, asked as it stands."""

import json
import re
from pathlib import Path

from stores.tables.client import Tables
from tests.support.api.mcp_client import call
from tests.support.ingest import trace
from tests.support.whole import whole

DOC = Path(__file__).parents[3] / "docs" / "mcp.md"
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_every_answer_is_that_of_the_page(tables: Tables, tmp_path: Path) -> None:
    blocks = [json.loads(text) for text in BLOCK.findall(DOC.read_text())]
    asked, answers = blocks[::2], blocks[1::2]
    with whole(tables, tmp_path) as served:
        served.send(trace("failed"))
        for question, answer in zip(asked, answers, strict=True):
            assert call(served.app, question["tool"], **question["arguments"]) == answer
    assert len(asked) == 4
