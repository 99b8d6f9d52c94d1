"""`tracker project`: one Faust worker, from the log to the tables; the one with the first partition sends alerts too."""

import asyncio
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import typer

from projections.alerts import rules
from projections.alerts.notifier import Notifier
from projections.consume import loop as projection_loop
from projections.consume import setup
from projections.consume.agents import create_app
from projections.consume.health import HealthServer
from projections.consume.work import Work
from projections.project.projector import Projector
from schemas.settings import Settings
from schemas.topics import EVENTS
from stores.files import open_private_folder
from stores.log.open import open_log
from stores.tables.client import PROJECTING, open_tables
from tracker import faust_worker
from tracker.clock import now_ms
from tracker.settings import read_settings_of_stage
from tracker.startup import wait_for

app = typer.Typer()


@app.command()
def project() -> None:
    """Run one projector: a Faust worker from the log to the tables."""
    run(read_settings_of_stage("project"))


def run(settings: Settings) -> None:
    """One Faust worker, until SIGINT or SIGTERM. Does not return: Faust exits the process."""
    alert_rules = rules.load(settings)
    open_private_folder(settings.data)
    tables, stop = open_tables(settings, PROJECTING), threading.Event()
    event_log = open_log(settings)
    health = HealthServer(settings.host, settings.metrics_port)
    health.start()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)

    async def prepared() -> Projector:
        # Until the topic is there Faust would look for it only every few minutes.
        await wait_for("the log", event_log.start)
        await wait_for("the topics (made by `tracker migrate`)", lambda: event_log.bounds(EVENTS))
        publish = projection_loop.publisher(event_log, loop, stop.wait)
        return await wait_for(
            "ClickHouse and its tables (made by `tracker migrate`)",
            lambda: asyncio.to_thread(setup.projector, tables, settings, publish, stop),
        )

    with TemporaryDirectory(prefix="tracker-project-") as scratch:
        work = Work(loop.run_until_complete(prepared()))
        faust_app = create_app(settings, work, event_log, health, Path(scratch))
        notifier = Notifier(event_log, tables, settings, alert_rules, now_ms, problem=lambda: work.problem)

        @faust_app.task  # type: ignore[untyped-decorator]
        async def notify() -> None:
            # One worker has the first partition, and that one notifies of all. While nobody gets on, those without partitions
            # notify too, under the same keys: else nobody would say so.
            await notifier.run(lambda: 0 in work.partitions or bool(work.problem and not work.partitions))

        # It stops also while ClickHouse or the log is away.
        faust_worker.execute(faust_app, loop, on_stop=stop.set)
