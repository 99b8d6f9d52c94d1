"""Measures how long our plugins hold up the runner that calls them, in the runner's own process. No test stands here.

`timed(folder)` gives a folder for PYTHONPATH, before that of the plugin: Python imports `sitecustomize` from it when it starts.
"""

import json
from dataclasses import dataclass
from pathlib import Path

_SITECUSTOMIZE = """
import importlib, json, time

HELD = {"calls": 0, "seconds": 0.0, "end_seconds": 0.0}

def timed(owner, name, field):
    act = getattr(owner, name)
    def acted(*arguments, **named):
        began = time.perf_counter()
        try:
            return act(*arguments, **named)
        finally:
            HELD[field] += time.perf_counter() - began
            HELD["calls"] += 1
            if field == "end_seconds":
                with open(FILE, "w") as file:
                    json.dump(HELD, file)
    setattr(owner, name, acted)

for module, owner, acts, end in (
    ("snakemake_logger_plugin_runtracker", "LogHandler", ["emit"], "_end"),
    ("miniwdl_runtracker.reporter", "Reporter", ["set_up", "started", "failed", "emit"], "end"),
):
    try:
        found = getattr(importlib.import_module(module), owner)
    except ImportError:  # the plugin of the other runner
        continue
    for act in acts:
        timed(found, act, "seconds")
    timed(found, end, "end_seconds")
"""


@dataclass(frozen=True)
class Held:
    """How often the runner called the plugin, how long that took in all, and how long its end took, in seconds."""

    calls: int
    seconds: float
    end_seconds: float


def timed(folder: Path) -> Path:
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"FILE = {str(folder / 'held.json')!r}\n{_SITECUSTOMIZE}")
    return folder


def held(folder: Path) -> Held:
    return Held(**json.loads((folder / "held.json").read_text()))
