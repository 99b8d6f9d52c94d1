"""The SQL files of the projections, by name."""

from functools import cache
from importlib.resources import files

from schemas.views import write_out


@cache
def sql(name: str) -> str:
    """The text of `projections/FOLDER/FILE.sql` for the name `FOLDER/FILE`, its views written out."""
    return write_out((files("projections") / f"{name}.sql").read_text("utf-8"))
