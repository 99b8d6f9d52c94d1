"""`tracker token …`: makes, lists and revokes tokens, in the tables or through the `tracker up` that has them open.

In the tables, since the first token is made before anybody can ask, and an admin may have lost theirs.
"""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import typer
from pydantic import ValidationError

from api.auth.sessions import PROOF_HEADER
from api.tokens.commands import FirstToken, describe, make_token
from api.tokens.models import NewToken
from schemas.access import Role
from schemas.settings import Settings
from stores.log.local import LocalLog
from stores.log.open import open_log
from stores.log.port import LogUnavailable
from stores.tables.client import Tables, open_tables
from stores.tables.migrate import migrate
from stores.tokens.tokens import TokenTable
from tracker.access import login_sessions
from tracker.client.remote import Refused, RunningTracker
from tracker.clock import now_ms
from tracker.errors import NotDone
from tracker.printing import print_table, printable
from tracker.settings import read_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke tokens. From the first one on nobody gets in without.",
)


class Registry(Protocol):
    """Where tokens are made. Tokens are dicts as `/api/v1/tokens` shows them."""

    def make(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """The new token, with its `secret`."""

    def list(self) -> list[Mapping[str, Any]]:
        """All tokens, oldest first."""

    def revoke(self, token_id: str) -> Mapping[str, Any]:
        """The token, revoked. Raises NotDone where there is none of this id."""


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is for, or who will use it.")],
    role: Annotated[
        Role, typer.Option(help="runner reports, viewer reads, operator also acts, admin does all.")
    ],
    owner: Annotated[str, typer.Option(help="Whose runs its runs are; default: the name.")] = "",
    days: Annotated[
        float | None, typer.Option(min=0.001, max=36_500, help="Expires then; default: never.")
    ] = None,
) -> None:
    """Make a token and print it: this once. The first must be an admin's."""
    with registry(read_settings()) as tokens:
        token = tokens.make({"name": name, "owner": owner or name, "role": role, "days": days})
    print(
        f"A token for {token['owner']} as {token['role']}, id {token['id']}. Keep it now: it is shown this once.",
        file=sys.stderr,
    )
    print(token["secret"])


@app.command("list")
def show() -> None:
    """List tokens, the expired and revoked too, without their secrets."""
    with registry(read_settings()) as tokens:
        rows = tokens.list()
    fields = ("id", "name", "owner", "role", "last_four", "created_at", "expires_at", "revoked_at")
    headings = ("id", "name", "owner", "role", "ends in", "made", "expires", "revoked")
    print_table(headings, [[t[k] or "" for k in fields] for t in rows])


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="Its id, as `tracker token list` shows it.")],
) -> None:
    """Revoke a token, for good."""
    settings = read_settings()
    with registry(settings) as tokens:
        token = tokens.revoke(token_id)
    print(
        f"revoked {token['id']} ({printable(token['name'])}); every process knows within {settings.tokens_seconds:g} s"
    )


@contextmanager
def registry(settings: Settings) -> Iterator[Registry]:
    """The tables themselves; or a running `tracker up`, since chDB admits one process, the one that has the local log."""
    if settings.clickhouse != "chdb":
        tables = open_tables(settings)
        try:
            yield InTables(tables)
        finally:
            tables.close()
        return
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    event_log = open_log(settings)
    if not isinstance(event_log, LocalLog):
        yield OverHttp(settings)
        return
    with asyncio.Runner() as runner:
        try:
            runner.run(event_log.start())
        except LogUnavailable:
            yield OverHttp(settings)
            return
        tables = open_tables(settings)
        try:
            migrate(tables)
            yield InTables(tables)
        finally:
            tables.close()
            runner.run(event_log.stop())


class InTables:
    """In the tables, as an operator who has them may."""

    def __init__(self, tables: Tables) -> None:
        self._table = TokenTable(tables)

    def make(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        try:
            return make_token(self._table, NewToken(**request), now_ms()).model_dump(mode="json")
        except FirstToken as e:
            raise NotDone(str(e)) from e
        except ValidationError as e:
            wrong = e.errors(include_url=False, include_input=False)[0]
            raise NotDone(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from e

    def list(self) -> list[Mapping[str, Any]]:
        return [describe(t).model_dump(mode="json") for t in self._table.read()]

    def revoke(self, token_id: str) -> Mapping[str, Any]:
        token = self._table.revoke(token_id, now_ms())
        if token is None:
            raise NotDone(f"there is no token {token_id!r}; `tracker token list` shows their ids")
        return describe(token).model_dump(mode="json")


class OverHttp:
    """Through the api of the process that has the tables open. Needs an admin's token, unless none is made yet."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        self._proof = {PROOF_HEADER: login_sessions(settings).command_line_proof()}
        self._tracker = RunningTracker(settings.model_copy(update={"public_url": ""}))

    def make(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._ask("POST", "", request)

    def list(self) -> list[Mapping[str, Any]]:
        tokens: list[Mapping[str, Any]] = self._ask("GET", "")["tokens"]
        return tokens

    def revoke(self, token_id: str) -> Mapping[str, Any]:
        if not token_id.isalnum():
            raise NotDone(f"there is no token {token_id!r}; `tracker token list` shows their ids")
        return self._ask("DELETE", f"/{token_id}")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        try:
            answer: Mapping[str, Any] = self._tracker.ask(f"/api/v1/tokens{path}", method, body, self._proof)
        except Refused as e:
            stop = ", or stop `tracker up` first" if e.status in (401, 403) else ""
            raise NotDone(f"{e}{stop}") from e
        except NotDone as e:
            raise NotDone(
                f"another process has {self._data} open, and {e} Give this command the settings of that process, or stop it first"
            ) from e
        return answer
