"""Writes the JSON Schemas of what travels on the log: `python -m schemas.export`. Committed; a test fails when they drift."""

import json
from pathlib import Path

from schemas.events import EVENT, TASK_RECORDS

FOLDER = Path(__file__).parent / "json"


def documents() -> dict[str, str]:
    """File name → text."""
    schemas = {"event.json": EVENT.json_schema(), "task-records.json": TASK_RECORDS.json_schema()}
    return {name: json.dumps(schema, indent=1, sort_keys=True) + "\n" for name, schema in schemas.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text, "utf-8")
