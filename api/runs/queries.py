"""Runs: found, listed, put together from a row of `runs.sql`."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from api.core.cursor import OFFSET_MAX, OffsetCursor, RunCursor, offset_cursor, run_cursor, to_token
from api.core.db import Judgement, Reader, Row
from api.core.figures import money, time_of
from api.core.params import RunFilter
from api.core.problems import not_found
from api.costs import queries as costs
from api.outputs.models import StoragePrices
from api.outputs.queries import outputs_of
from api.runs.models import (
    Cost,
    Counts,
    Reported,
    Run,
    RunError,
    RunList,
    Runner,
    RunThresholds,
    SameName,
    Transition,
    Workflow,
)
from api.runs.resume import Started
from api.runs.runner_kinds import runner_kind
from schemas.run_ids import is_derived
from schemas.statuses import ReportedState, RunStatus
from schemas.thresholds import own
from schemas.values import iso

log = logging.getLogger(__name__)

#: For how long a failure, and what was heard of a run that is over, is news.
RECENT_MS = 24 * 3600 * 1000
#: For how long counts by status, and what lists may be filtered by, are remembered.
_COUNTS_MS, _SUGGESTIONS_MS = 10_000, 60_000
#: Of users, pipelines and labels the most frequent are suggested.
_SUGGESTIONS_MAX = 100
#: Cycles of a session that one answer gives at most.
_HISTORY_MAX = 500
#: Ids that one statement may carry.
_IDS_AT_ONCE = 500
#: To judge so many runs takes longer than the rest of a page.
_MANY_JUDGED = 10_000
#: Places in the list of runs that one statement may name.
_PLACES_MAX = 4_000
#: No run's name is longer; ingest cuts none, but a statement has limits.
_NAME_MAX = 100_000

#: The `cycles` of pages that show no run's position in its session: to find it takes a look at all runs.
UNSEEN: Mapping[str, int] = {}


#: Others of the same name that a page links.
_SAME_NAME_MAX = 10


def resolve(reader: Reader, ref: str) -> str:
    """The id of the run: `ref` is an id, or a name, which means the newest run that has it, or that `tracker run` started
    under it. Raises Problem 404.
    """
    return str(_find(reader, ref, 1)[0]["run_id"])


def with_same_name(reader: Reader, ref: str) -> tuple[str, list[SameName]]:
    """As `resolve`; and if `ref` is a name, the next older runs of it."""
    found, *others = _find(reader, ref, 1 + _SAME_NAME_MAX)
    return str(found["run_id"]), [SameName(r["run_id"], r["name"], iso(r["first_ms"])) for r in others]


def _find(reader: Reader, ref: str, limit: int) -> list[Row]:
    """The run that is meant first. Raises Problem 404.

    A derived id goes before a name and a name before an id that a client chose, or whoever chose `nightly` as an id would
    own the runs of that name for ever.
    """
    if len(ref) <= _NAME_MAX:
        questions: list[tuple[str, dict[str, Any]]] = [
            ("runs/run_by_name", {"name": ref, "limit": limit}),
            ("runs/run_by_id", {"run_id": ref}),
        ]
        for question, parameters in reversed(questions) if is_derived(ref) else questions:
            if rows := reader.rows(question, **parameters):
                return rows
    raise not_found("run", ref)


def owner(reader: Reader, run_id: str) -> str | None:
    """Whose the run of this id is, None for nobody's."""
    rows = reader.rows("runs/run_owner", run_id=run_id)
    return str(rows[0]["name"]) or None if rows else None


def one_run(reader: Reader, ref: str) -> Run:
    """The run of this id or name. Raises Problem 404."""
    return known_run(reader, resolve(reader, ref), whole=True)


def known_run(
    reader: Reader, run_id: str, cycles: Mapping[str, int] | None = None, whole: bool = False
) -> Run:
    """The run of this id, which `resolve` gave; `whole`: with its long texts."""
    [run] = runs_of(reader, [run_id], reader.judgement(), cycles, whole)
    return run


def page_of_runs(reader: Reader, filter: RunFilter, sort: str, token: str, page_size: int) -> RunList:
    """One page: by a field (`run_sort`), or for '' latest first append first. Raises Problem 400 for a wrong token."""
    judgement = reader.judgement()
    ids, next_token = page_of_ids(reader, judgement, filter, sort, token, page_size)
    return RunList(
        runs=runs_of(reader, ids, judgement), next_page_token=next_token, as_of=iso(judgement.as_of_ms)
    )


def page_of_ids(
    reader: Reader, judgement: Judgement, filter: RunFilter, sort: str, token: str, page_size: int
) -> tuple[list[str], str | None]:
    """The ids of one page, and the token of the next one, if there is one. Raises Problem 400 for a wrong token."""
    parameters = judgement.parameters() | asdict(filter)
    return (_sorted if sort else _latest)(reader, parameters, sort, token, page_size)


def _latest(
    reader: Reader, parameters: Row, _sort: str, token: str, page_size: int
) -> tuple[list[str], str | None]:
    """Latest first append first. Where rows match is found first, at the end of the list; then which runs are there now. Rows may
    be outdated, and where they leave less than a page it goes on before the last of them."""
    after = run_cursor(token)
    rows: list[Row] = []
    most = page_size + 1
    while len(rows) <= page_size:
        parameters |= {"token_ms": after.first_ms, "token_id": after.run_id}
        places = [r["first_ms"] for r in reader.rows("runs/latest_places", **parameters, limit=most)]
        if places:
            rows += reader.rows("runs/latest", **parameters, places=sorted(set(places)), limit=page_size + 1)
            after = RunCursor(min(places), "")  # all runs that are there are found
        if len(places) < most:
            break
        most = _PLACES_MAX
    page = [RunCursor(r["first_ms"], r["run_id"]) for r in rows[:page_size]]
    return [place.run_id for place in page], to_token(page[-1]) if len(rows) > page_size else None


def _sorted(
    reader: Reader, parameters: Row, sort: str, token: str, page_size: int
) -> tuple[list[str], str | None]:
    """By a field of `RUN_SORTS`."""
    column = sort.removeprefix("-")
    offset = offset_cursor(token, sort).offset
    rows = reader.rows(
        "runs/runs_by_status" if column == "status" else "runs/runs_page",
        **parameters,
        sort=f"by_{column}",
        descending=sort.startswith("-"),
        limit=page_size + 1,
        offset=offset,
    )
    more = len(rows) > page_size and offset + page_size <= OFFSET_MAX
    return [r["run_id"] for r in rows[:page_size]], to_token(
        OffsetCursor(sort, offset + page_size)
    ) if more else None


def history(reader: Reader, ref: str) -> list[Run]:
    """The newest cycles of the session of this run, oldest first."""
    run = known_run(reader, resolve(reader, ref))
    if run.session_id is None:
        return [run]
    rows = reader.rows(
        "runs/history",
        session_id=run.session_id,
        workspace=run.workspace or "",
        owner=run.owner or "",
        limit=_HISTORY_MAX,
    )
    cycles = {r["run_id"]: r["cycle"] for r in reversed(rows)}
    return runs_of(reader, list(cycles), reader.judgement(), cycles)


def needing_attention(reader: Reader, judgement: Judgement) -> list[str]:
    """Ids of the runs that are disconnected or stalled, or failed within a day, and were not resumed; newest first.

    Where so many fell silent together that not all are given, the answer takes a second, so it is remembered for 10 s.
    """

    def ask() -> list[Row]:
        since_ms = reader.clock() - RECENT_MS
        parameters = judgement.parameters() | {"since_ms": since_ms, "limit": _IDS_AT_ONCE}
        return _seen_as_resumed(reader, reader.rows("runs/attention", **parameters))

    def are_many(rows: list[Row]) -> bool:
        return len(rows) == _IDS_AT_ONCE

    rows = reader.memo.get("attention", reader.clock(), ask, _COUNTS_MS, are_many)
    return [r["run_id"] for r in rows if not r["resumed"]]


def _seen_as_resumed(reader: Reader, rows: list[Row]) -> list[Row]:
    """The rows of `attention.sql`, each with whether its run was `resumed`."""
    resumed: set[str] = set()
    if sessions := {r["run_id"]: r["silent_session"] for r in rows if r["silent_session"]}:
        # A silent run may have been resumed long before it was seen to be silent.
        found = reader.rows("runs/resumed", run_ids=list(sessions), session_ids=list(set(sessions.values())))
        resumed = {r["run_id"] for r in found}
    return [r | {"resumed": r["run_id"] in resumed} for r in rows]


def status_counts(reader: Reader, judgement: Judgement) -> list[Row]:
    """(status, runs) of the runs that are live or were heard of within a day. Remembered for 10 s where they are very many."""

    def count() -> list[Row]:
        since_ms = reader.clock() - RECENT_MS
        return reader.rows("runs/status_counts", **judgement.parameters(), since_ms=since_ms)

    def are_many(rows: list[Row]) -> bool:
        judged: int = sum(r["runs"] for r in rows)
        return judged > _MANY_JUDGED

    return reader.memo.get("status counts", reader.clock(), count, _COUNTS_MS, are_many)


def filtered_counts(reader: Reader, judgement: Judgement, filter: RunFilter, key: str) -> dict[str, int]:
    """Status → how many runs it would list beside the other filters. `key` names the filter, as its address does: a relative time
    gives another filter each ms. Remembered for 10 s."""

    def count() -> dict[str, int]:
        every = asdict(replace(filter, statuses=[]))
        rows = reader.rows("runs/filtered_counts", **judgement.parameters(), **every)
        return {r["status"]: r["runs"] for r in rows}

    return reader.memo.get(("filtered counts", key), reader.clock(), count, _COUNTS_MS)


def suggestions(reader: Reader) -> dict[str, list[str]]:
    """Users, pipelines and labels of runs, the most frequent first, by the name of their filter. Remembered for a minute."""

    def read() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {"user": [], "pipeline": [], "label": []}
        for row in reader.rows("runs/suggestions", limit=_SUGGESTIONS_MAX):
            found[row["field"]].append(row["value"])
        return found

    return reader.memo.get("suggestions", reader.clock(), read, _SUGGESTIONS_MS)


def transitions(reader: Reader, run_id: str) -> list[Transition]:
    """Changes of the run's status, oldest first."""
    return [
        Transition(at=iso(r["at_ms"]), from_=r["from_status"] or None, to=r["to_status"], reason=r["reason"])
        for r in reader.rows("runs/transitions", run_id=run_id)
    ]


def runs_of(
    reader: Reader,
    run_ids: Sequence[str],
    judgement: Judgement,
    cycles: Mapping[str, int] | None = None,
    whole: bool = False,
) -> list[Run]:
    """These runs, in this order; `cycles`: their positions in their sessions, if they are known already. `whole`: with their long
    texts, which are null without it."""
    rows: list[Row] = []
    for start in range(0, len(run_ids), _IDS_AT_ONCE):
        ids = run_ids[start : start + _IDS_AT_ONCE]
        rows += reader.rows("runs/run" if whole else "runs/runs", **judgement.parameters(), run_ids=ids)
    by_id = {r["run_id"]: r for r in rows}
    if cycles is None:
        cycles = _cycles(reader, {r["run_id"]: r["session_id"] for r in rows if r["session_id"]})
    currency = (costs.currency(reader) or "") if rows else ""
    prices = StoragePrices.of(reader.settings)
    return [
        to_run(by_id[i], judgement.as_of(by_id[i]["partition"]), cycles.get(i, 1), currency, prices)
        for i in run_ids
        if i in by_id
    ]


def _cycles(reader: Reader, sessions: Mapping[str, str]) -> dict[str, int]:
    """Position in its session of each of these runs. `sessions`: run id → session."""
    ids = sorted(sessions)
    cycles: dict[str, int] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        rows = reader.rows("runs/sessions", run_ids=some, session_ids=sorted({sessions[i] for i in some}))
        cycles |= {r["run_id"]: r["cycle"] for r in rows}
    return cycles


def to_run(row: Row, as_of_ms: int, cycle: int, currency: str, prices: StoragePrices) -> Run:
    """Pure. `row`: of `runs.sql`; `currency`: of the price book in force, '' where there is none; `prices`: of what is kept."""
    name = row["name"]
    session_id = row["session_id"] or None
    never_began = row["status"] == RunStatus.DISCONNECTED and row["reported_state"] == ReportedState.SUBMITTED
    runner = runner_kind(row["dialect"], row["runner_name"])
    started = Started(session_id or "", row["command_line"], row["launched_as"])
    resumable = bool(session_id) and not never_began
    return Run(
        id=row["run_id"],
        name=name,
        session_id=session_id,
        cycle=cycle,
        runner_kind=runner.name,
        runner=Runner(name=row["runner_name"] or None, version=row["runner_version"] or None),
        status=row["status"],
        reported_state=row["reported_state"],
        liveness=row["liveness"] or None,
        last_seen_at=time_of(row["seen_ms"] or None),
        as_of=iso(as_of_ms),
        workflow=_workflow(row),
        pipeline=row["pipeline"] or None,
        submitted_at=time_of(row["created_ms"]),
        started_at=time_of(row["started_ms"]),
        completed_at=time_of(row["completed_ms"]),
        duration_ms=row["duration_ms"],
        tasks=Counts(**{k: row[k] for k in Counts.model_fields}),
        reported=Reported(complete=not row["missing"], missing=row["missing"]),
        peak_concurrency=row["peak"],
        cost=_cost(row, currency),
        outputs=outputs_of(row, prices),
        error=_error(row),
        launched_as=row["launched_as"] or None,
        resume_command=runner.resume_argument(started) if resumable else None,
        resume_line=runner.resume_line(started) if resumable else None,
        owner=row["owner"] or None,
        workspace=row["workspace"] or None,
        labels=row["labels"],
        thresholds=RunThresholds(
            disconnected_after_ms=row["disconnected_after_ms"],
            stalled_after_ms=row["stalled_after_ms"],
            ignored_labels=own(row["labels"]).ignored,
        ),
        stub=bool(row["stub"]),
        preview=bool(row["preview"]),
        hidden=bool(row["hidden"]),
        hidden_by=(row["hidden_by"] or None) if row["hidden"] else None,
    )


def _workflow(row: Row) -> Workflow:
    json_fields = {k: _json_object(row, k) for k in ("params", "manifest")}
    texts = {k: row[k] or None for k in Workflow.model_fields if k not in json_fields}
    return Workflow(**texts, **json_fields)


def _json_object(row: Row, column: str) -> dict[str, Any] | None:
    """As ingest has validated it; a number that JSON does not know becomes null: nobody could read it."""
    if not row[column]:
        return None
    try:
        value = json.loads(row[column], parse_constant=lambda _: None)
    except (ValueError, RecursionError) as e:
        log.warning("%s of run %s cannot be read: %s", column, row["run_id"], e)
        return None
    return value if isinstance(value, dict) else None


def _cost(row: Row, currency: str) -> Cost | None:
    if row["total"] == 0 and row["over"] and not row["missing"]:
        return Cost(amount="0", currency=currency, wasted="0", complete=True)
    if not currency or row["shown_cost"] is None:
        return None
    return Cost(
        amount=money(row["shown_cost"]),
        currency=currency,
        wasted=money(row["wasted"]),
        complete=row["unpriced"] == 0 and not row["missing"],
        method=_method(row["priced_cost"], row["cost_flat"], row["cost_hosts"]),
        unpriced_tasks=row["unpriced"],
    )


def _method(cost: Decimal, flat: Decimal, hosts: Decimal) -> str | None:
    parts = {"flat": flat, "host-sliced": hosts, "share-of-machine": cost - flat - hosts}
    return costs.method_of(name for name, amount in parts.items() if amount)


def _error(row: Row) -> RunError | None:
    if row["reported_state"] not in (ReportedState.FAILED, ReportedState.CANCELLED):
        return None
    return RunError(
        message=row["error_message"] or None,
        report=row["error_report"] or None,
        exit_status=row["exit_status"],
        summary=row["error_line"] or row["error_message"] or None,
    )
