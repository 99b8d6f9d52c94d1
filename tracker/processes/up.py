"""`tracker up`: all stages in one process."""

import asyncio
import threading
from collections.abc import Sequence

import typer

from api.app import create_app
from api.core.db import Reader
from api.core.params import RunFilter
from api.core.probes import TableProbes
from api.runs import queries as runs
from ingest.app import routes
from ingest.owners import RunOwners, reading
from ingest.ticker import Ticker
from projections.alerts import rules
from projections.alerts.notifier import Notifier
from projections.consume import loop as projection_loop
from projections.consume import setup
from schemas.settings import Settings
from schemas.statuses import RunStatus
from stores.files import open_private_folder
from stores.log.local import LocalLog
from stores.log.open import open_log
from stores.tables.client import ANSWERING, PROJECTING, open_tables
from tracker import access, startup
from tracker.clock import now_ms
from tracker.printing import printable
from tracker.processes import archive, collect
from tracker.reread import read_again
from tracker.serving import cancel, probes_apart, serve
from tracker.settings import read_settings

app = typer.Typer()


@app.command()
def up() -> None:
    """Run everything in one process: the local log and chDB by default."""
    asyncio.run(run(read_settings()))


async def run(settings: Settings) -> None:
    """All stages in this process, until SIGINT or SIGTERM."""
    alert_rules = rules.load(settings)
    open_private_folder(settings.data)
    event_log, tables = open_log(settings), open_tables(settings, PROJECTING)
    answering = tables if tables.embedded else open_tables(settings, ANSWERING)
    stop = threading.Event()
    if isinstance(event_log, LocalLog):
        await event_log.start()  # another process that holds the file is an error, nothing to wait for
        # It keeps the partitions that it was made with, unless the settings ask for a number.
        partitions = settings.partitions or event_log.partitions
        # The local log admits one process: under one name, so that after a crash nobody waits for the ticks of the last one.
        process = "tracker-up"
    else:
        await startup.wait_for("the log", event_log.start)
        partitions, process = settings.log_partitions, startup.process_name()
    try:
        await startup.wait_for("the topics", lambda: event_log.create_topics(partitions))
        await startup.wait_for("ClickHouse", lambda: asyncio.to_thread(startup.prepare, tables, settings))
        tokens = access.token_list(answering, settings)
        await asyncio.to_thread(tokens.refresh)
        startup.refuse_exposed(tokens, settings)
        publish = projection_loop.publisher(event_log, asyncio.get_running_loop(), stop.wait)
        projector = setup.projector(tables, settings, publish, stop)
        reader = Reader(answering, settings, now_ms)
        probes = TableProbes(reader, event_log)
        pages = create_app(
            answering,
            event_log,
            settings,
            now_ms,
            extra_routes=routes(event_log, settings, process, now_ms, tokens, RunOwners(reading(answering))),
            gate=access.gate(tokens, settings),
            read_again=read_again(settings),
            table_probes=probes,
        )
        projecting = asyncio.create_task(projection_loop.run(event_log, projector, settings))
        notifying = asyncio.create_task(Notifier(event_log, tables, settings, alert_rules, now_ms).run())
        async with (
            archive.beside(event_log, settings),
            collect.beside(event_log, tables, settings),
            Ticker(event_log, process, settings.tick_seconds, now_ms),
            probes_apart(probes, settings),
        ):
            with tokens.refreshing():
                is_open = tokens.current is not None and tokens.current.is_open
                await serve(
                    pages,
                    settings,
                    projecting,
                    banner(settings, is_open),
                    lambda: asyncio.to_thread(what_stopping_costs, reader),
                )
        await cancel(projecting)
        await cancel(notifying)
    finally:
        await event_log.stop()
        answering.close()
        tables.close()


def banner(settings: Settings, is_open: bool) -> str:
    """What it prints when it is ready; `is_open`: no token has been made."""
    token = "any" if is_open else "trk_…"
    return (
        f"\nRun Tracker is ready at {settings.base_url}\n\n"
        f"Follow a Nextflow run with\n"
        f"    TOWER_ACCESS_TOKEN={token} nextflow run … -with-tower {settings.base_url}\n"
    )


#: Live runs that are named.
_NAMED = 5
_LIVE = [RunStatus.SUBMITTED, RunStatus.RUNNING, RunStatus.STALLED, RunStatus.UNKNOWN]


def what_stopping_costs(reader: Reader) -> str:
    """What to know before the tracker stops: the runs that report to it; '' if none does. Blocking."""
    judgement = reader.judgement()
    filter = RunFilter([str(status) for status in _LIVE], hidden=True)
    ids, more = runs.page_of_ids(reader, judgement, filter, "", "", _NAMED)
    names = [run.name for run in runs.runs_of(reader, ids, judgement, runs.UNSEEN)]
    return warning(names, more is not None)


def warning(names: Sequence[str], more: bool) -> str:
    """Pure. What to know before the tracker stops while these runs are live, and `more` than these."""
    if not names:
        return ""
    named = ", ".join(printable(name[:80]) for name in names) + (" and more" if more else "")
    return (
        f"Live runs report to this tracker: {named}.\n"
        "Start it again within 2 minutes: Nextflow 26.04 ends its run after about 3 minutes without the tracker, and what "
        "Nextflow 25.04 cannot deliver is lost."
    )
