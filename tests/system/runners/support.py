"""What the tests of runners share: waiting for how a run is shown. No test stands here."""

from typing import Any

from tests.support.stacks.client import Reader, until
from tests.support.stacks.stack import EmbeddedStack


def shown(reader: Reader, name: str, status: str) -> list[str]:
    """What is missing until the run has this status."""
    answer = reader.request("GET", f"/api/v1/runs/{name}")
    if answer.status == 404:
        return ["the run is not there"]
    found = answer.json["status"]
    return [] if found == status else [f"the run is {found}"]


def ended(stack: EmbeddedStack, name: str, status: str) -> tuple[Any, list[dict[str, Any]]]:
    """The run once it has this status, and its tasks by id."""
    with Reader(stack.api_url) as reader:
        until("the run is shown", lambda: shown(reader, name, status))
        run = reader.run(name)
        return run, [task for _, task in sorted(reader.tasks(run["id"]).items())]
