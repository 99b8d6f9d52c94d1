"""Faust's leader assigns by metadata that lacks the topic, several times: the group finds out, and projects all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stacks import runner
from tests.support.stacks.client import Reader, imbalance, until
from tests.support.stacks.stack import ScaledStack, scaled

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]

#: Of each worker, as its leader: so many of its first assignments lack the topic, until the metadata is asked for again.
_LACKING = 4
_PATCH = f"""
import sys
if sys.orig_argv[-1:] == ["project"]:
    from faust.assignor.partition_assignor import PartitionAssignor
    left, assign = {_LACKING}, PartitionAssignor.assign

    def assign_without_topic(self, cluster, members):
        global left
        if left:
            left -= 1
            cluster._partitions = {{}}
        return assign(self, cluster, members)

    PartitionAssignor.assign = assign_without_topic
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ScaledStack]:
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(_PATCH)
    monkeypatch.setenv("PYTHONPATH", str(patch))
    with scaled(tmp_path / "scaled") as running:
        yield running


def test_a_group_without_partitions_gets_them(stack: ScaledStack) -> None:
    requests = runner.load("success")
    sent = runner.send(stack.ingest_urls, runner.in_order(requests))
    with Reader(stack.api_url) as reader:
        until("all is projected", lambda: imbalance(reader), 90)
        # The end of a run is shown with its figures, which are made when all is projected.
        until("its end is shown", lambda: reader.run(sent.run_id)["status"] != "succeeded")
    logs = [worker.log.read_text() for worker in stack.projectors]
    assert any("Ignoring missing topic" in text for text in logs)
    assert all(text.count('"partitions": [], "event": "partitions assigned"') >= 2 for text in logs)
    assert all(worker.alive() for worker in stack.projectors), "no worker had to be started again"
