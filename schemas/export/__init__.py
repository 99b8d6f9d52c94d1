"""The JSON Schemas of what travels on the log; `python -m schemas.export` writes them. A test fails when they drift."""

import json
from pathlib import Path

from schemas.events import EVENT, TASK_RECORDS

FOLDER = Path(__file__).parents[1] / "json"


def documents() -> dict[str, str]:
    """File name → text."""
    schemas = {"event.json": EVENT.json_schema(), "task-records.json": TASK_RECORDS.json_schema()}
    return {name: json.dumps(schema, indent=1, sort_keys=True) + "\n" for name, schema in schemas.items()}
