"""`tracker dead-letters …`: look at what could not be used, and have it read again after a fix."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.table import Table

from api.core.cursor import letter_place
from api.core.db import Reader
from api.core.problems import Problem
from api.dead_letters import queries as letters
from api.dead_letters.models import DeadLetterList
from api.dead_letters.queries import DeadLetterDetail, ReplayAsked, Replayed, Replayer, Wanted
from schemas.settings import Settings
from stores.log.open import open_log
from stores.log.port import EventLog, LogUnavailable
from stores.tables.client import open_tables
from tracker import remote
from tracker.processes import serve
from tracker.reread import read_again

_PATH = "/api/v1/dead-letters"
_PAGE = 200
T = TypeVar("T")

Url = Annotated[
    str,
    typer.Option(
        help="Address of a running tracker, which may want a token in TRACKER_TOKEN. "
        "Without it the log and the tables of the settings."
    ),
]
Reason = Annotated[str, typer.Option(help="Only those whose reason holds this.")]
Run = Annotated[str, typer.Option("--run", help="Only those of the run of this id.")]
Id = Annotated[str, typer.Argument(help="As `list` shows it.")]


def commands(settings: Callable[[], Settings], run: Callable[[Callable[[], None]], None]) -> typer.Typer:
    """The sub-commands. `settings` reads and checks them; `run` tells failures in a line."""
    app = typer.Typer(no_args_is_help=True, help="What was accepted and could not be used.")

    @app.command("list")
    def list_letters(
        reason: Reason = "",
        run_id: Run = "",
        every: Annotated[bool, typer.Option("--all", help="Those too that were read again.")] = False,
        url: Url = "",
    ) -> None:
        """List dead letters, newest first."""
        found = settings()
        run(lambda: tell(Letters(found, url).pages(reason, run_id, every)))

    @app.command()
    def show(letter_id: Id, url: Url = "") -> None:
        """Show one with all that was sent; secrets were taken out before it was kept."""
        found = settings()
        run(lambda: print(Letters(found, url).show(letter_id).model_dump_json(indent=2)))

    @app.command()
    def replay(
        letter_id: Annotated[
            str, typer.Argument(help="As `list` shows it; or name --reason, --run or --all.")
        ] = "",
        reason: Reason = "",
        run_id: Run = "",
        every: Annotated[bool, typer.Option("--all", help="Every one that was not read again yet.")] = False,
        by: Annotated[str, typer.Option(help="Who asks for it.")] = "",
        url: Url = "",
    ) -> None:
        """Read letters again with this version, after a fix. Exit 1 if some still cannot be understood."""
        found = settings()
        if sum(map(bool, (letter_id, reason or run_id, every))) != 1:
            print("say which: an id, or --reason TEXT and --run ID, or --all", file=sys.stderr)
            raise typer.Exit(2)
        asked = ReplayAsked(reason=reason, run_id=run_id, every=every, by=by)
        run(lambda: sys.exit(told(Letters(found, url).replay(letter_id, asked))))

    return app


class Letters:
    """The letters of a tracker that runs at `url`, or without one of the log and the tables of the settings.

    The local log admits one process: while `tracker up` has it, that is asked instead. Methods raise what those raise.
    """

    def __init__(self, settings: Settings, url: str) -> None:
        self.settings, self.url = settings, url

    def pages(self, reason: str, run_id: str, every: bool) -> list[DeadLetterList]:
        """All pages."""
        pages, token = list[DeadLetterList](), ""
        asked = {"reason": reason, "run_id": run_id} | ({} if every else {"replayed": "false"})
        wanted = Wanted(run_id, reason, None if every else False)
        while True:
            query = urlencode(asked | {"page_size": _PAGE, "page_token": token})
            pages.append(
                self._either(
                    lambda reader, _, token=token: _in_thread(  # type: ignore[misc]
                        lambda: letters.page_of_letters(reader, wanted, letter_place(token), _PAGE)
                    ),
                    lambda query=query: DeadLetterList.model_validate_json(self._ask(f"?{query}")),  # type: ignore[misc]
                )
            )
            if not (token := pages[-1].next_page_token or ""):
                return pages

    def show(self, letter_id: str) -> DeadLetterDetail:
        """One, whole."""
        return self._either(
            lambda reader, _: _in_thread(lambda: letters.one_letter(reader, letter_id)),
            lambda: DeadLetterDetail.model_validate_json(self._ask(f"/{quote(letter_id, safe='')}")),
        )

    def replay(self, letter_id: str, asked: ReplayAsked) -> list[Replayed]:
        """What became of each page of them."""
        if letter_id:
            return [
                self._either(
                    lambda r, log: self._replay_one(r, log, letter_id, asked.by),
                    lambda: self._ask_for_one(letter_id, asked.by),
                )
            ]
        pages, token = list[Replayed](), ""
        while True:
            path = "/replay?" + urlencode({"page_size": _PAGE, "page_token": token})
            pages.append(
                self._either(
                    lambda r, log, token=token: self._replay_page(r, log, asked, token),  # type: ignore[misc]
                    lambda path=path: Replayed.model_validate_json(self._ask(path, asked.model_dump())),  # type: ignore[misc]
                )
            )
            if not (token := pages[-1].next_page_token or ""):
                return pages

    async def _replay_one(self, reader: Reader, log: EventLog, letter_id: str, by: str) -> Replayed:
        replayer = Replayer(reader, log, read_again(self.settings), serve.now_ms)
        return await replayer.replay([await asyncio.to_thread(replayer.one, letter_id)], by)

    async def _replay_page(self, reader: Reader, log: EventLog, asked: ReplayAsked, token: str) -> Replayed:
        replayer = Replayer(reader, log, read_again(self.settings), serve.now_ms)
        rows, more = await asyncio.to_thread(replayer.page, asked, letter_place(token), _PAGE)
        return await replayer.replay(rows, asked.by, more)

    def _ask_for_one(self, letter_id: str, by: str) -> Replayed:
        try:
            path = f"/{quote(letter_id, safe='')}/replay"
            return Replayed.model_validate_json(self._ask(path, {"by": by}))
        except remote.Refused as e:
            if e.status != 409:
                raise
            failed = letters.NotReplayed(id=letter_id, reason=str(e))
            return Replayed(replayed=[], run_ids=[], failed=[failed])

    def _ask(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        return remote.ask(self.url, _PATH + path, "GET" if body is None else "POST", body)

    def _either(self, here: Callable[[Reader, EventLog], Awaitable[T]], there: Callable[[], T]) -> T:
        if self.url:
            return there()
        try:
            return asyncio.run(self._here(here))
        except LogUnavailable:
            if self.settings.log != "local":
                raise
            self.url = self.settings.base_url
            return there()
        except Problem as e:
            raise ValueError(e.detail) from e

    async def _here(self, work: Callable[[Reader, EventLog], Awaitable[T]]) -> T:
        log, tables = open_log(self.settings), open_tables(self.settings)
        await log.start()
        try:
            return await work(Reader(tables, self.settings, serve.now_ms), log)
        finally:
            await log.stop()
            tables.close()


async def _in_thread(call: Callable[[], T]) -> T:
    return await asyncio.to_thread(call)


def tell(pages: list[DeadLetterList]) -> None:
    """Print a table of them."""
    table = Table("id", "when", "run", "request", "part", "reason", "bytes", "read again")
    for letter in (letter for page in pages for letter in page.dead_letters):
        table.add_row(
            letter.id, letter.at, letter.run_id or "", letter.request or letter.type or "", letter.part or "",
            letter.reason, str(letter.raw_bytes), letter.replayed_at or "",
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def told(pages: list[Replayed]) -> int:
    """Print what became of them; the exit code."""
    failed = [f for page in pages for f in page.failed]
    runs = {run_id for page in pages for run_id in page.run_ids}
    print(
        f"{sum(len(page.replayed) for page in pages)} read again, of {len(runs)} runs: {json.dumps(sorted(runs)[:20])}"
    )
    for f in failed:
        print(f"{f.id}: {f.reason}", file=sys.stderr)
    return 1 if failed else 0
