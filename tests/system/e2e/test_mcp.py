"""Programs ask a running tracker by the SDK's own client: over HTTP, and by `tracker mcp` over stdin and stdout."""

from collections.abc import Iterator
from typing import Any, Literal

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from tests.support.stacks.client import Client as HttpClient
from tests.support.stacks.client import Reader, until
from tests.support.stacks.stack import COMMAND, EmbeddedStack, environment

RUN = [
    {
        "type": "run.begun",
        "run_id": "r1",
        "data": {"workflow": {"name": "nightly", "runner": {"name": "snakemake"}}},
    },
    {"type": "run.completed", "run_id": "r1", "data": {"state": "failed", "error_message": "no such sample"}},
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    with EmbeddedStack(tmp_path_factory.mktemp("mcp")) as running:
        with HttpClient(running.api_url) as client:
            assert client.request("POST", "/v1/events", RUN).status == 200
        with Reader(running.api_url) as reader:
            until("the run is shown", lambda: [] if reader.get("/runs")["runs"] else ["it is not there"])
        yield running


async def failed_runs(client: Client) -> Any:
    answer = await client.call_tool("list_runs", {"status": "failed"})
    assert not answer.is_error
    return answer.structured_content


def expected(url: str) -> list[tuple[str, str, str]]:
    return [("nightly", "no such sample", f"{url}/runs/r1")]


def brief(answer: Any) -> list[tuple[str, str, str]]:
    return [(run["name"], run["error"], run["page"]) for run in answer["runs"]]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_over_http(stack: EmbeddedStack, mode: Literal["auto", "legacy"]) -> None:
    async def talk() -> Any:
        async with httpx2.AsyncClient() as http:
            transport = streamable_http_client(f"{stack.api_url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:
                return await failed_runs(client)

    assert brief(anyio.run(talk)) == expected(stack.api_url)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_by_a_command_that_the_program_starts(stack: EmbeddedStack, mode: Literal["auto", "legacy"]) -> None:
    async def talk() -> Any:
        [python, *arguments] = [*COMMAND, "mcp", "--url", stack.api_url]
        server = StdioServerParameters(command=python, args=arguments, env=environment())
        async with Client(stdio_client(server), mode=mode) as client:
            return await failed_runs(client)

    assert brief(anyio.run(talk)) == expected(stack.api_url)
