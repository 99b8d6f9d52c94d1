"""`tracker config`: the settings, and what each means."""

from typing import Annotated

import typer

from api.carbon.book import carbon_book
from projections.alerts import rules
from projections.costs.price_book import PriceBook
from schemas.settings import Settings
from tracker.printing import print_table
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def config(
    check: Annotated[bool, typer.Option(help="Only check: exit 0, or 2 and what is wrong.")] = False,
) -> None:
    """Show every setting, its value and what it means."""
    settings = read_settings()
    rules.load(settings)
    if settings.price_book:
        PriceBook.load(settings.price_book)
    carbon_book(settings.carbon_book)
    if check:
        print("settings are right")
        return
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        shown = value if name != "clickhouse" else _without_password(str(value))
        rows.append((f"TRACKER_{name.upper()}", "" if shown is None else str(shown), field.description or ""))
    print_table(("variable", "value", "meaning"), rows)


def _without_password(url: str) -> str:
    scheme, at, rest = url.rpartition("@")
    return url if not at else f"{scheme.rpartition(':')[0]}:***@{rest}"
