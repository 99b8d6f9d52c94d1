"""`tracker mcp`: /mcp of a running tracker, for programs that start their servers themselves and speak by stdin and stdout."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer

from tracker.client.remote import URL_HELP, RunningTracker
from tracker.errors import NotDone
from tracker.settings import read_settings

app = typer.Typer()

_VERSION = "io.modelcontextprotocol/protocolVersion"
_PARSE_ERROR, _INVALID_REQUEST, _NOT_ANSWERED = -32700, -32600, -32000


@app.command()
def mcp(url: Annotated[str, typer.Option(help=URL_HELP)] = "") -> None:
    """Let a program ask the tracker by the Model Context Protocol over stdin and stdout; docs/mcp.md says how to set it up."""
    for answer in answers(sys.stdin.buffer, RunningTracker(read_settings(), url)):
        print(answer, flush=True)


def answers(lines: Iterable[bytes], tracker: RunningTracker) -> Iterator[str]:
    """The answers to these messages, a line each; notifications have none. While the tracker is away each gets an error."""
    version = ""
    for line in filter(bytes.strip, lines):
        try:
            message = json.loads(line)
        except ValueError:
            yield json.dumps(_error(None, _PARSE_ERROR, "this is not JSON"))
            continue
        if not isinstance(message, dict):
            yield json.dumps(_error(None, _INVALID_REQUEST, "a message is an object"))
            continue
        try:
            answer = tracker.ask("/mcp", "POST", message, _headers(message, version))
        except NotDone as e:
            answer = _error(message["id"], _NOT_ANSWERED, str(e)) if "id" in message else None
        if message.get("method") == "initialize":
            version = str((answer or {}).get("result", {}).get("protocolVersion", ""))
        if answer is not None:
            yield json.dumps(answer)


def _headers(message: Mapping[str, Any], version: str) -> dict[str, str]:
    """What HTTP says beside the message: the version that was agreed on, or that the message itself names."""
    headers = {"Accept": "application/json, text/event-stream"}
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    if isinstance(params, dict) and isinstance(meta, dict) and _VERSION in meta:
        named = {
            "MCP-Protocol-Version": meta[_VERSION],
            "Mcp-Method": message.get("method"),
            "Mcp-Name": params.get("name"),
        }
        headers |= {k: v for k, v in named.items() if isinstance(v, str) and v.isprintable() and v.isascii()}
    elif version:
        headers["MCP-Protocol-Version"] = version
    return headers


def _error(number: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}
