"""Reads the settings of this process, and sets up its logs by them."""

import sys

import typer
from pydantic import ValidationError

from schemas.settings import Settings, explain
from tracker import logs


def read_settings() -> Settings:
    """The settings. Exits with 2, and a line for each that is wrong."""
    try:
        settings = Settings()
    except ValidationError as e:
        print(explain(e), file=sys.stderr)
        raise typer.Exit(2) from e
    logs.configure(settings)
    return settings


def read_settings_of_stage(stage: str) -> Settings:
    """The settings of a process that is one stage of several. Exits with 2 unless log and tables are servers."""
    settings = read_settings()
    if settings.log == "local" or settings.clickhouse == "chdb":
        print(
            f"tracker {stage} is one stage of several: it needs TRACKER_LOG=kafka://… and TRACKER_CLICKHOUSE=http://….\n"
            "For everything in one process use `tracker up`.",
            file=sys.stderr,
        )
        raise typer.Exit(2)
    return settings
