"""The commands of `tracker`. Each reads TRACKER_… settings; `tracker config` lists them."""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated, Literal

import typer
from clickhouse_connect.driver.exceptions import ClickHouseError
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from schemas.settings import Settings, explain
from stores.log.port import LogUnavailable
from stores.s3.client import StoreUnavailable
from stores.tables.client import TablesUnavailable
from stores.tables.migrate import MigrationError
from tracker import logs
from tracker.commands import alerts as alerts_cli
from tracker.commands import dead_letters as letters_cli
from tracker.commands import delivery_check as books_cli
from tracker.commands import tokens as tokens_cli

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

#: What is wrong outside of us, and is told in a line instead of a traceback.
_TOLD = (
    LogUnavailable,
    TablesUnavailable,
    StoreUnavailable,
    ClickHouseError,
    MigrationError,
    ValueError,
    OSError,
)


def _settings() -> Settings:
    try:
        settings = Settings()
    except ValidationError as e:
        print(explain(e), file=sys.stderr)
        raise typer.Exit(2) from e
    logs.configure(settings)
    return settings


def _run(command: Callable[[], None]) -> None:
    from tracker.processes.serve import describe

    try:
        command()
    except _TOLD as e:
        print(f"tracker: {describe(e)}", file=sys.stderr)
        raise typer.Exit(1) from e


def _kafka_only(settings: Settings, stage: str) -> None:
    if settings.log == "local" or settings.clickhouse == "chdb":
        print(
            f"tracker {stage} is one stage of several: it needs TRACKER_LOG=kafka://… and TRACKER_CLICKHOUSE=http://….\n"
            "For everything in one process use `tracker up`.",
            file=sys.stderr,
        )
        raise typer.Exit(2)


@app.command()
def up() -> None:
    """Run everything in one process: the local log and chDB by default."""
    settings = _settings()
    from tracker.processes import serve

    _run(lambda: asyncio.run(serve.up(settings)))


@app.command()
def ingest() -> None:
    """Run one ingest process: HTTP in, events on the log."""
    settings = _settings()
    _kafka_only(settings, "ingest")
    from tracker.processes import serve

    _run(lambda: asyncio.run(serve.ingest(settings)))


@app.command()
def project() -> None:
    """Run one projector: a Faust worker from the log to the tables."""
    settings = _settings()
    _kafka_only(settings, "project")
    from tracker.processes import serve

    _run(lambda: serve.project(settings))


@app.command()
def api() -> None:
    """Run one query API with its pages."""
    settings = _settings()
    _kafka_only(settings, "api")
    from tracker.processes import serve

    _run(lambda: asyncio.run(serve.api(settings)))


@app.command()
def archive(
    skip_lost: Annotated[
        bool,
        typer.Option(help="Where the log lost messages before they were archived, go on behind the hole."),
    ] = False,
) -> None:
    """Run one archiver: what the log holds goes to S3, an hour at a time (TRACKER_ARCHIVE). `tracker up` does it itself."""
    settings = _settings()
    from tracker.processes import archive as archiving

    _run(lambda: asyncio.run(archiving.run(settings, skip_lost)))


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option(help="Say what would be applied, change nothing.")] = False,
    show: Annotated[
        bool, typer.Option("--list", help="List every migration and when it was applied.")
    ] = False,
) -> None:
    """Make the topics and the tables, or bring them up to this version; put the price book in force."""
    settings = _settings()
    from tracker.commands import operate

    _run(lambda: operate.migrate(settings, dry_run or show))


@app.command()
def replay(
    exchange: Annotated[
        bool,
        typer.Option(help="Put the rebuilt tables in the place of the live ones; without it, only compare."),
    ] = False,
    source: Annotated[
        Literal["log", "archive"],
        typer.Option("--from", help="The log alone, or the archive as far as it goes and then the log."),
    ] = "log",
) -> None:
    """Project the whole log again into shadow tables and compare. Exit 1 where they differ. No projector may run."""
    settings = _settings()
    from tracker.commands import operate

    _run(lambda: sys.exit(operate.replay(settings, exchange, source == "archive")))


@app.command()
def verify() -> None:
    """Check every run's figures against its tasks, and the tables against the log. Exit 1 and a list where they differ."""
    settings = _settings()
    from tracker.commands import operate

    _run(lambda: sys.exit(operate.verify(settings)))


@app.command()
def demo(
    url: Annotated[
        str,
        typer.Argument(
            help="Address of a running tracker, which may want a token in TRACKER_TOKEN; default: the one of the settings."
        ),
    ] = "",
    speed: Annotated[float, typer.Option(min=0.1, help="How many times faster than it happened.")] = 10.0,
) -> None:
    """Replay a real Nextflow run, bundled here, into a running tracker."""
    settings = _settings()
    from tracker.commands import demo as demonstration

    _run(lambda: demonstration.replay(url or settings.base_url, speed, settings.token.get_secret_value()))


@app.command()
def config(
    check: Annotated[bool, typer.Option(help="Only check: exit 0, or 2 and what is wrong.")] = False,
) -> None:
    """Show every setting, its value and what it means."""
    settings = _settings()
    _run(lambda: _check_files(settings))
    if check:
        print("settings are right")
        return
    table = Table("variable", "value", "meaning")
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = value if name != "clickhouse" else _without_password(str(value))
        table.add_row(f"TRACKER_{name.upper()}", "" if shown is None else str(shown), field.description or "")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _check_files(settings: Settings) -> None:
    from projections.alerts import rules
    from projections.project.price_book import PriceBook

    rules.load(settings)

    if settings.price_book:
        PriceBook.load(settings.price_book)


app.add_typer(letters_cli.commands(_settings, _run), name="dead-letters")
app.command("books")(books_cli.command(_settings, _run))
app.add_typer(tokens_cli.commands(_settings, _run), name="token")
app.add_typer(alerts_cli.commands(_settings, _run), name="alerts")


def _without_password(url: str) -> str:
    scheme, at, rest = url.rpartition("@")
    return url if not at else f"{scheme.rpartition(':')[0]}:***@{rest}"
