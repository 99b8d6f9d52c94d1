"""Puts a projector together from the settings."""

import threading

from projections.costs.in_force import price_version
from projections.project.projector import Projector
from projections.project.retention import RetentionSchedule
from projections.project.sweep import Publish, Thresholds
from projections.project.writer import Writer
from schemas.settings import Settings
from stores.tables.client import Tables


def thresholds(settings: Settings) -> Thresholds:
    """The settings' thresholds in ms."""
    return Thresholds(
        disconnected_ms=round(settings.disconnected_after_seconds * 1000),
        stalled_ms=round(settings.stalled_after_seconds * 1000),
        gone_ms=round(settings.ingest_gone_seconds * 1000),
    )


def projector(tables: Tables, settings: Settings, publish: Publish, stop: threading.Event) -> Projector:
    """A projector on these tables. Reads the price book in force, so the tables must be there."""
    return Projector(
        Writer(tables, stop),
        thresholds(settings),
        publish,
        price_version(tables),
        write_batch_bytes=settings.batch_bytes,
        retention=RetentionSchedule(settings.keep_runs_days),
    )
