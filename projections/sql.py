"""The SQL files of the projections, by name."""

from schemas.sql import sql as of_path


def sql(name: str) -> str:
    """The statement in `projections/FOLDER/FILE.sql` for the name `FOLDER/FILE`."""
    return of_path(f"projections/{name}")
