"""The SQL files of the projections, by name."""

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of `projections/sql/NAME.sql`."""
    return (files("projections") / "sql" / f"{name}.sql").read_text("utf-8")
