"""The SDK's own client of /mcp, over HTTP. No test stands here."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import httpx2
from fastapi import FastAPI
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

#: About four characters a token.
CHARACTERS_MAX = 8_000


def speak(app: FastAPI, talk: Callable[[Client], Awaitable[Any]], token: str = "") -> Any:
    """What is said with the app by the SDK's client, over HTTP."""

    async def spoken() -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx2.ASGITransport(app=app)
        async with (
            httpx2.AsyncClient(transport=transport, base_url="http://tracker", headers=headers) as http,
            Client(streamable_http_client("http://tracker/mcp", http_client=http)) as client,
        ):
            return await talk(client)

    return anyio.run(spoken)


def call(app: FastAPI, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool, which must be short."""

    async def talk(client: Client) -> Any:
        return await client.call_tool(tool, arguments)

    result = speak(app, talk)
    assert not result.is_error, result.content
    answer: dict[str, Any] = result.structured_content
    assert len(json.dumps(answer)) <= CHARACTERS_MAX
    return answer


def refusal(app: FastAPI, tool: str, **arguments: Any) -> str:
    """What a tool says that cannot answer."""

    async def talk(client: Client) -> Any:
        return await client.call_tool(tool, arguments)

    result = speak(app, talk)
    assert result.is_error
    return str(result.content[0].text)
