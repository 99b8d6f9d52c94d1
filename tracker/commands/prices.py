"""`tracker prices` and `tracker reprice`: which prices are in force, and from which day on."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from projections.costs import aws, in_force
from projections.costs.changes import amounts, changes
from projections.costs.files import read_file
from projections.costs.price_book import BadBook, PriceBook, backdated, day_ms, with_newer
from schemas.settings import Settings
from schemas.values import iso
from stores.tables.client import Tables, open_tables
from stores.tables.migrate import migrate
from tracker.clock import now_ms
from tracker.printing import print_table, printable
from tracker.settings import read_settings

T = TypeVar("T")
app = typer.Typer(no_args_is_help=True, help="Put prices in force, look at them, check and compare them.")
reprice_app = typer.Typer()

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="Our JSON or CSV, or AWS's list of offers")
]
Since = Annotated[
    str, typer.Option(help="The day, in UTC, from which they hold: 2026-07-20. Today if not given.")
]
_SHOWN = 50
#: Types of which spot prices are asked for at most: each has a price in each zone that changes every few hours.
_SPOT_TYPES_MAX = 100


@app.command(name="import")
def import_(file: File, since: Since = "") -> None:
    """Put the prices of a file in force beside those there are. What ran before keeps its price."""
    newer = read_file(file)
    since_ms = day_ms(since) if since else now_ms() // 86_400_000 * 86_400_000

    def put(tables: Tables) -> int:
        return in_force.put_in_force(
            tables, with_newer(in_force.stored_book(tables), newer, since_ms), "import"
        )

    version = _changing(put)
    print(
        f"version {version} is in force: {len(newer.rates)} rates from {iso(since_ms)[:10]} on, {newer.currency}"
    )
    print("Projectors price by it from their next start on.")


@app.command()
def refresh(
    region: Annotated[str, typer.Argument(help="AWS's region, such as eu-west-1")],
    machine_type: Annotated[
        list[str] | None,
        typer.Option(
            "--type", help="Ask for the spot prices of this type; without it of those that tasks ran on."
        ),
    ] = None,
    spot: Annotated[bool, typer.Option(help="Ask for spot prices too, 90 days back.")] = True,
) -> None:
    """Ask AWS for the prices of a region and put them in force from today on. It needs credentials where boto3 looks for them."""
    now_seconds = now_ms() // 1000
    today_ms = now_seconds // 86_400 * 86_400_000

    def put(tables: Tables) -> tuple[int, PriceBook]:
        types = list(machine_type or ()) or in_force.machine_types_of_tasks(tables, _SPOT_TYPES_MAX)
        newer = aws.fetch(region, types if spot else (), datetime.fromtimestamp(now_seconds, UTC))
        return in_force.put_in_force(
            tables, with_newer(in_force.stored_book(tables), newer, today_ms), "import"
        ), newer

    version, newer = _changing(put)
    steps = sum(r.basis == "history" for r in newer.rates)
    print(
        f"version {version} is in force: {len(newer.rates) - steps} on-demand rates of {region} from {iso(today_ms)[:10]} on, "
        f"{steps} spot prices each from its own time on"
    )
    print("Projectors price by it from their next start on.")


@app.command()
def check(file: File) -> None:
    """Say what a file of prices holds, or what is wrong in it. Nothing is changed."""
    book = read_file(file).whole()
    print(printable(f"{len(book.rates)} rates in {book.currency}{_of(book)}"))


@app.command()
def show(machine_type: Annotated[str, typer.Argument(help="Only rates of this type")] = "") -> None:
    """Show the book in force: where it comes from, and its rates."""
    version, origin, book = _reading(
        lambda t: (in_force.price_version(t), in_force.book_origin(t), in_force.stored_book(t))
    )
    if not version:
        print("no price book is in force")
        return
    print(printable(f"version {version} ({origin}): {len(book.rates)} rates in {book.currency}{_of(book)}"))
    rates = [r for r in book.rates if not machine_type or r.machine_type == machine_type]
    rows = [
        (
            r.machine_type or " ".join(filter(None, (r.executor, r.queue))) or "no type",
            r.price_model or "any",
            r.zone or "any",
            iso(r.valid_from)[:10] if r.valid_from else "always",
            amounts(r, book.currency),
        )
        for r in rates[:_SHOWN]
    ]
    print_table(("machine", "bought", "zone", "since", "an hour"), rows)
    if len(rates) > _SHOWN:
        print(f"… and {len(rates) - _SHOWN} more: name a type")


@app.command()
def diff(file: File) -> None:
    """Show how the rates of a file differ from those in force. Exit 1 where they do."""
    newer = read_file(file)

    def compare(tables: Tables) -> tuple[PriceBook, PriceBook]:
        book = in_force.stored_book(tables)
        return book, with_newer(book, newer, now_ms())

    found = changes(*_reading(compare))
    print_table(
        ("rate", "in force", "in the file"), [(c.what, c.before or "-", c.after or "-") for c in found[:500]]
    )
    print(f"{len(found)} rates differ")
    if found:
        raise typer.Exit(1)


@reprice_app.command()
def reprice(
    since: Annotated[str, typer.Option(help="The day, in UTC, from which on to price anew: 2026-07-20")],
) -> None:
    """Price what ran since a day by the newest rates, as if they had held from that day on."""
    since_ms = day_ms(since)
    version = _changing(
        lambda t: in_force.put_in_force(t, backdated(in_force.stored_book(t), since_ms), "import")
    )
    print(
        f"version {version} is in force, its newest rates from {since} on; figures follow in the background "
        "from the projectors' next start on"
    )


def _of(book: PriceBook) -> str:
    told = filter(None, (book.source, book.region, book.date))
    return "".join(f", {word}" for word in told)


def _reading(ask: Callable[[Tables], T]) -> T:
    return _with_tables(read_settings(), ask)


def _changing(put: Callable[[Tables], T]) -> T:
    settings = read_settings()
    if settings.price_book:
        raise BadBook(
            f"TRACKER_PRICE_BOOK names {settings.price_book}, which is the whole book: write the rates there"
        )

    def migrated(tables: Tables) -> T:
        migrate(tables)
        in_force.put_default_in_force(tables)
        return put(tables)

    return _with_tables(settings, migrated)


def _with_tables(settings: Settings, ask: Callable[[Tables], T]) -> T:
    tables = open_tables(settings)
    try:
        return ask(tables)
    finally:
        tables.close()
