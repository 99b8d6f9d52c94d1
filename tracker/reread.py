"""Joins what the api and ingest may not know of each other: how a dead letter is read by today's code."""

from api.core.db import Row
from api.dead_letters.commands import Again, ReadAgain, StillUnreadable
from ingest.request import Unreadable
from ingest.reread import Letter, message
from schemas.dead_letters import LetterName
from schemas.settings import Settings


def read_again(settings: Settings) -> ReadAgain:
    """For `api.app.create_app` and the command line."""
    most = 2 * settings.max_body_bytes - 256  # as ingest itself has it

    def read(row: Row, by: str, now_ms: int) -> Again:
        letter = Letter(
            LetterName(partition=row["partition"], offset=row["offset"], part=row["part"]),
            row["run_id"],
            row["type"],
            row["request"],
            row["raw_start"],
            row["dialect"],
            row["workspace"],
            row["owner"],
            row["reason"],
        )
        try:
            made = message(letter, by, now_ms, "reread", most)
        except Unreadable as e:
            raise StillUnreadable(str(e)) from e
        return Again(made.key, made.type, made.value, made.run_id)

    return read
