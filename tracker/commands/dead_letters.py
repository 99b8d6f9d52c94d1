"""`tracker dead-letters …`: look at what could not be used, and have it read again after a fix."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.table import Table

<<<<<<< HEAD
from api.core.cursor import letter_place
from api.core.db import Reader
from api.core.problems import Problem
from api.dead_letters import queries as letters
from api.dead_letters.commands import replay_one, replay_page
from api.dead_letters.models import DeadLetterList
from api.dead_letters.queries import DeadLetterDetail, LetterFilter, ReplayAsked, Replayed
from schemas.settings import Settings
from stores.log.open import open_log
from stores.log.port import EventLog, LogUnavailable
from stores.tables.client import open_tables
from tracker import remote
from tracker.processes import serve
from tracker.reread import read_again
=======
from tracker.remote import URL_HELP, Refused, RunningTracker
from tracker.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="What was accepted and could not be used.")
>>>>>>> main

_PATH = "/api/v1/dead-letters"
_PAGE = 200

Url = Annotated[str, typer.Option(help=URL_HELP)]
Reason = Annotated[str, typer.Option(help="Only those whose reason holds this.")]
Run = Annotated[str, typer.Option("--run", help="Only those of the run of this id.")]


@app.command("list")
def list_letters(
    reason: Reason = "",
    run_id: Run = "",
    every: Annotated[bool, typer.Option("--all", help="Those too that were read again.")] = False,
    url: Url = "",
) -> None:
    """List dead letters, newest first."""
    query = {"reason": reason, "run_id": run_id} | ({} if every else {"replayed": "false"})
    print_table(_pages(RunningTracker(read_settings(), url), _PATH, query))


@app.command()
def show(letter_id: Annotated[str, typer.Argument(help="As `list` shows it.")], url: Url = "") -> None:
    """Show one with all that was sent; secrets were taken out before it was kept."""
    letter = RunningTracker(read_settings(), url).ask(f"{_PATH}/{quote(letter_id, safe='')}")
    print(json.dumps(letter, indent=2))


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
    if sum(map(bool, (letter_id, reason or run_id, every))) != 1:
        print("say which: an id, or --reason TEXT and --run ID, or --all", file=sys.stderr)
        raise typer.Exit(2)
    tracker = RunningTracker(read_settings(), url)
    if letter_id:
        pages = [_replay_one(tracker, letter_id, by)]
    else:
        body = {"reason": reason, "run_id": run_id, "every": every, "by": by}
        pages = _pages(tracker, f"{_PATH}/replay", {}, body)
    raise typer.Exit(print_outcome(pages))

<<<<<<< HEAD
    def pages(self, reason: str, run_id: str, every: bool) -> list[DeadLetterList]:
        """All pages."""
        pages, token = list[DeadLetterList](), ""
        asked = {"reason": reason, "run_id": run_id} | ({} if every else {"replayed": "false"})
        filter = LetterFilter(run_id, reason, None if every else False)
        while True:
            query = urlencode(asked | {"page_size": _PAGE, "page_token": token})
            pages.append(
                self._either(
                    lambda reader, _, token=token: _in_thread(  # type: ignore[misc]
                        lambda: letters.page_of_letters(reader, filter, letter_place(token), _PAGE)
                    ),
                    lambda query=query: DeadLetterList.model_validate_json(self._ask(f"?{query}")),  # type: ignore[misc]
                )
            )
            if not (token := pages[-1].next_page_token or ""):
                return pages
=======
>>>>>>> main

def _pages(
    tracker: RunningTracker, path: str, query: dict[str, str], body: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """All pages of an answer; with a body it is posted for each."""
    pages: list[dict[str, Any]] = []
    token = ""
    while not pages or token:
        page = urlencode(query | {"page_size": _PAGE, "page_token": token})
        pages.append(tracker.ask(f"{path}?{page}", "GET" if body is None else "POST", body))
        token = pages[-1].get("next_page_token") or ""
    return pages


def _replay_one(tracker: RunningTracker, letter_id: str, by: str) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = tracker.ask(
            f"{_PATH}/{quote(letter_id, safe='')}/replay", "POST", {"by": by}
        )
<<<<<<< HEAD

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
        again = read_again(self.settings)
        return await replay_one(reader, log, again, letter_id, by, serve.now_ms())

    async def _replay_page(self, reader: Reader, log: EventLog, asked: ReplayAsked, token: str) -> Replayed:
        again, place = read_again(self.settings), letter_place(token)
        return await replay_page(reader, log, again, asked, asked.by, place, _PAGE, serve.now_ms())

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
=======
    except Refused as e:
        if e.status != 409:  # it still cannot be understood
            raise
        return {"replayed": [], "run_ids": [], "failed": [{"id": letter_id, "reason": str(e)}]}
    return answer
>>>>>>> main


def print_table(pages: list[dict[str, Any]]) -> None:
    """Print a table of them."""
    table = Table("id", "when", "run", "request", "part", "reason", "bytes", "read again")
    for letter in (letter for page in pages for letter in page["dead_letters"]):
        table.add_row(
            letter["id"], letter["at"], letter["run_id"] or "", letter["request"] or letter["type"] or "",
            letter["part"] or "", letter["reason"], str(letter["raw_bytes"]), letter["replayed_at"] or "",
        )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else 200, markup=False).print(table)


def print_outcome(pages: list[dict[str, Any]]) -> int:
    """Print what became of them; the exit code."""
    failed = [f for page in pages for f in page["failed"]]
    runs = {run_id for page in pages for run_id in page["run_ids"]}
    replayed = sum(len(page["replayed"]) for page in pages)
    print(f"{replayed} read again, of {len(runs)} runs: {json.dumps(sorted(runs)[:20])}")
    for f in failed:
        print(f"{f['id']}: {f['reason']}", file=sys.stderr)
    return 1 if failed else 0
