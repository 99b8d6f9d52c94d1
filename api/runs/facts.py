"""What the page of a run knows before any of its tabs is opened, read in one statement."""

from collections.abc import Sequence

from api.core.db import Judgement, Reader, Row, sql
from api.core.figures import time_of
from api.core.problems import not_found
from api.outputs.models import StoragePrices
from api.runs.models import RunFacts, Tab
from api.runs.queries import to_run
from api.runs.runner_kinds import runner_kind


def run_facts(reader: Reader, run_id: str, judgement: Judgement, tabs: Sequence[Tab]) -> RunFacts:
    """The facts of this run. Raises Problem 404."""
    rows = reader.tables.rows(statement(tabs), run_id=run_id, run_ids=[run_id], **judgement.parameters())
    if not rows:
        raise not_found("run", run_id)
    prices = StoragePrices.of(reader.settings)
    return to_facts(rows[0], judgement, [t.address for t in tabs if t.fact], prices)


def statement(tabs: Sequence[Tab]) -> str:
    """Pure. The run, what the page knows beside it, and the facts of tabs, as one row."""
    facts = "".join(f",\n(\n{sql(t.fact)}\n) AS tab_{t.address}" for t in tabs if t.fact)
    return f"SELECT *{facts}\nFROM (\n{sql('runs/run')}\n) AS run CROSS JOIN (\n{sql('runs/run_page')}\n) AS page"


def to_facts(row: Row, judgement: Judgement, addresses: Sequence[str], prices: StoragePrices) -> RunFacts:
    """Pure. `row`: of `statement`; `addresses`: of the tabs that have a fact; `prices`: of what is kept."""
    cycle, cycles, newest_cycles = row["cycles"]
    cycle = cycle or 1
    status, changed_ms = row["last_change"]
    return RunFacts(
        run=to_run(row, judgement.as_of(row["partition"]), cycle, row["currency"], prices),
        judgement=judgement,
        resumed=bool(row["resume"]) or cycle > 1,
        cycles=cycles,
        newest_cycles=newest_cycles,
        announced_processes=row["announced"],
        tasks_seen_at=time_of(row["tasks_seen_ms"] or None),
        last_word_ms=row["last_word_ms"] or None,
        last_change=(status, str(time_of(changed_ms))) if status else None,
        of_tabs={a: row[f"tab_{a}"] for a in addresses},
        words=runner_kind(row["dialect"], row["runner_name"]),
    )
