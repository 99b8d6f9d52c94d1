"""`tracker token …`: makes, lists and revokes tokens, in the tables or through a running `tracker up`."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Protocol

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from schemas.access import Role
from schemas.settings import Settings
from tracker import remote


class NotDone(ValueError):
    """What was asked could not be done; the message says why, and what to do."""


class Desk(Protocol):
    """Where tokens are made. Tokens are dicts as `/api/v1/tokens` shows them."""

    def make(self, name: str, owner: str, role: Role, days: float | None) -> Mapping[str, Any]:
        """The new token, with its `secret`."""

    def list(self) -> list[Mapping[str, Any]]:
        """All tokens, oldest first."""

    def revoke(self, token_id: str) -> Mapping[str, Any]:
        """The token, revoked. Raises NotDone where there is none of this id."""


def commands(settings: Callable[[], Settings], run: Callable[[Callable[[], None]], None]) -> typer.Typer:
    """The sub-commands. `settings` reads and checks them; `run` tells failures in a line."""
    app = typer.Typer(
        no_args_is_help=True,
        help="Make, list and revoke tokens. From the first one on nobody gets in without.",
    )

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
        found = settings()
        run(lambda: _create(found, name, owner, role, days))

    @app.command("list")
    def show() -> None:
        """List tokens, the expired and revoked too, without their secrets."""
        found = settings()
        run(lambda: _list(found))

    @app.command()
    def revoke(
        token_id: Annotated[str, typer.Argument(help="Its id, as `tracker token list` shows it.")],
    ) -> None:
        """Revoke a token, for good."""
        found = settings()
        run(lambda: _revoke(found, token_id))

    return app


def _create(settings: Settings, name: str, owner: str, role: Role, days: float | None) -> None:
    with desk(settings) as at:
        made = at.make(name, owner or name, role, days)
    print(
        f"A token for {made['owner']} as {made['role']}, id {made['id']}. Keep it now: it is shown this once.",
        file=sys.stderr,
    )
    print(made["secret"])


def _list(settings: Settings) -> None:
    with desk(settings) as at:
        tokens = at.list()
    table = Table("id", "name", "owner", "role", "ends in", "made", "expires", "revoked")
    for t in tokens:
        times = [t[k] or "" for k in ("created_at", "expires_at", "revoked_at")]
        table.add_row(t["id"], t["name"], t["owner"], t["role"], t["last_four"], *times)
    Console(width=None if sys.stdout.isatty() else 160, markup=False).print(table)


def _revoke(settings: Settings, token_id: str) -> None:
    with desk(settings) as at:
        token = at.revoke(token_id)
    print(
        f"revoked {token['id']} ({token['name']}); every process knows within {settings.tokens_seconds:g} s"
    )


@contextmanager
def desk(settings: Settings) -> Iterator[Desk]:
    """The tables themselves; or a running `tracker up`, since chDB and the local log admit one process."""
    from stores.log.local import LocalLog
    from stores.log.open import open_log
    from stores.log.port import LogUnavailable
    from stores.tables.client import open_tables
    from stores.tables.migrate import migrate

    if settings.clickhouse != "chdb":
        tables = open_tables(settings)
        try:
            yield _Tables(tables)
        finally:
            tables.close()
        return
    import asyncio

    settings.data.mkdir(parents=True, exist_ok=True)
    event_log = open_log(settings)
    if not isinstance(event_log, LocalLog):
        yield _Running(settings)
        return
    with asyncio.Runner() as runner:
        try:
            runner.run(event_log.start())
        except LogUnavailable:
            yield _Running(settings)
            return
        tables = open_tables(settings)
        try:
            migrate(tables)
            yield _Tables(tables)
        finally:
            tables.close()
            runner.run(event_log.stop())


class _Tables:
    """In the tables, as an operator who has them may."""

    def __init__(self, tables: Any) -> None:
        from stores.tokens.tokens import TokenTable
        from tracker.processes.serve import now_ms

        self._table, self._now_ms = TokenTable(tables), now_ms

    def make(self, name: str, owner: str, role: Role, days: float | None) -> Mapping[str, Any]:
        from api.tokens.commands import FirstToken, make_token
        from api.tokens.models import TokenWanted

        try:
            wanted = TokenWanted(name=name, owner=owner, role=role, days=days)
            return make_token(self._table, wanted, self._now_ms()).model_dump(mode="json")
        except FirstToken as e:
            raise NotDone(str(e)) from e
        except ValidationError as e:
            wrong = e.errors(include_url=False, include_input=False)[0]
            raise NotDone(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}") from e

    def list(self) -> list[Mapping[str, Any]]:
        from api.tokens.commands import describe

        return [describe(t).model_dump(mode="json") for t in self._table.read()]

    def revoke(self, token_id: str) -> Mapping[str, Any]:
        from api.tokens.commands import describe

        token = self._table.revoke(token_id, self._now_ms())
        if token is None:
            raise NotDone(f"there is no token {token_id!r}; `tracker token list` shows their ids")
        return describe(token).model_dump(mode="json")


class _Running:
    """Through the api of the process that has the tables open. Needs an admin's token, unless none is made yet."""

    def __init__(self, settings: Settings) -> None:
        self._data = settings.data
        here = settings.model_copy(update={"public_url": ""})
        self._url = f"{here.base_url}/api/v1/tokens"

    def make(self, name: str, owner: str, role: Role, days: float | None) -> Mapping[str, Any]:
        return self._ask("POST", "", {"name": name, "owner": owner, "role": role, "days": days})

    def list(self) -> list[Mapping[str, Any]]:
        tokens: list[Mapping[str, Any]] = self._ask("GET", "")["tokens"]
        return tokens

    def revoke(self, token_id: str) -> Mapping[str, Any]:
        if not token_id.isalnum():
            raise NotDone(f"there is no token {token_id!r}; `tracker token list` shows their ids")
        return self._ask("DELETE", f"/{token_id}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Mapping[str, Any]:
        try:
            told: Mapping[str, Any] = json.loads(remote.ask(self._url, path, method, body))
            return told
        except remote.Refused as e:
            stop = ", to an admin's token, or stop `tracker up` first" if e.status in (401, 403) else ""
            raise NotDone(f"{e}{stop}") from e
        except ValueError as e:
            raise NotDone(
                f"another process has {self._data} open, and {e} Give this command the settings of that process, or stop it first"
            ) from e
