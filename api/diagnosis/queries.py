"""Why runs failed, by the rules of `table.py`."""

from collections.abc import Sequence
from dataclasses import replace

from api.core.db import Reader, Row
from api.core.figures import time_of
from api.diagnosis.models import Diagnosis, FailedTask, FailureGroup, Stderr
from api.logs.queries import task_files
from api.runs.models import Run
from api.runs.queries import known_run
from schemas.diagnosis.causes import Cause
from schemas.diagnosis.facts import NO_EXIT, STDERR_MOST, Facts, Report, last_lines, of_run, read_report
from schemas.diagnosis.rules import diagnose
from schemas.diagnosis.table import RULES, known_cause
from schemas.statuses import ReportedState
from stores.objects.open import ObjectStores

#: Groups of failures that an answer holds at most.
_GROUPS_MAX = 60
#: Failed tasks that are listed one by one.
_LISTED_MAX = 10
#: Of a command's error output: lines and characters that are given.
_STDERR_LINES, _STDERR_SHOWN = 25, 4_000
#: Which of the files of a work directory tells of an error, the best first.
_ERROR_FILES = (".command.err", ".command.log")


def diagnose_run(reader: Reader, stores: ObjectStores, run_id: str) -> Diagnosis:
    """Why the run failed, and what else failed in it. Where it did not, `cause` is null and the verdict says so."""
    return diagnosis_of(reader, stores, known_run(reader, run_id, whole=True))


def diagnosis_of(reader: Reader, stores: ObjectStores, run: Run) -> Diagnosis:
    """As above, of a run that was read with its long texts."""
    report = read_report(_texts(run)[1])
    rows = reader.rows(
        "diagnosis/failures", run_id=run.id, subject=report.subject, limit=_GROUPS_MAX, listed=_LISTED_MAX
    )
    fatal = fatal_row(rows, run, report)
    stderr = _stderr(fatal, report, stores) if fatal else None
    return put_together(run, rows, fatal, stderr)


def cause_in_list(run: Run) -> Cause | None:
    """Pure. The cause by what a list holds of the run; None where it did not fail or no rule fits."""
    return known_cause(facts_of_run(run)) if run.reported_state == ReportedState.FAILED else None


def fatal_row(rows: Sequence[Row], run: Run, report: Report) -> Row | None:
    """Pure. The failure that ended the run: of a run that failed the first of `rows` (of `failures.sql`) that failed for
    good, unless its report names another task."""
    if run.reported_state != ReportedState.FAILED or not rows or rows[0]["kind"] != "failed":
        return None
    named = report.subject and not rows[0]["named"]
    return None if named and not rows[0]["fatal"] else rows[0]


def put_together(run: Run, rows: Sequence[Row], fatal: Row | None, stderr: Stderr | None) -> Diagnosis:
    """Pure. The answer of the rows of `failures.sql`."""
    cause = None
    if run.reported_state in (ReportedState.FAILED, ReportedState.CANCELLED):
        cause = diagnose(RULES, facts_of_run(run, fatal, stderr.text if stderr else ""))
    nextflow = is_nextflow(run)

    def groups(kind: str) -> list[FailureGroup]:
        firsts = (r for r in rows if r["kind"] == kind and r["place_in_group"] == 1)
        return [_group(r, nextflow, r is fatal) for r in firsts if r is not fatal or r["attempts"] > 1]

    counts = {r["kind"]: r["of_kind"] for r in rows}
    found = Diagnosis(
        run_id=run.id,
        run_name=run.name,
        status=run.status,
        verdict="",
        certainty=cause.certainty if cause else None,
        rule=cause.rule if cause else None,
        cause=cause.cause if cause else None,
        evidence=cause.evidence if cause else [],
        advice=cause.advice if cause else None,
        config=cause.config if cause else None,
        task_id=fatal["task_id"] if fatal else None,
        task=_task(fatal) if fatal else None,
        stderr=stderr,
        failed_tasks=[_task(r) for r in rows if r["kind"] == "failed" and r["place"] <= _LISTED_MAX],
        failed=groups("failed"),
        ignored=groups("ignored"),
        retried=groups("retried"),
        ignored_failures=counts.get("ignored", 0),
        repaired_failures=counts.get("retried", 0),
    )
    found.verdict = verdict(found, run)
    return found


def verdict(found: Diagnosis, run: Run) -> str:
    """Pure. The whole in a sentence or two."""
    ignored = _ignored_words(found.ignored_failures)
    if run.liveness:
        failed = sum(g.attempts for g in found.failed)
        said = (
            f"The run is not over; {failed:,} of its tasks failed so far."
            if failed
            else "The run is not over."
        )
        return f"{said} {ignored}".strip()
    if found.cause is None:
        return f"The run succeeded. {ignored or 'No failure was ignored.'}"
    if found.rule == "cancelled":
        return f"{found.cause} {ignored}".strip()
    name = (found.task.name or f"task {found.task.task_id}") if found.task else ""
    who = f"{name[:200]} failed and ended the run" if found.task else "The run failed"
    if found.task and found.task.attempt > 1:
        who += f", at attempt {found.task.attempt}"
    return f"{who}: {found.cause[0].lower()}{found.cause[1:]} {ignored}".strip()


def _ignored_words(attempts: int) -> str:
    if not attempts:
        return ""
    failures = "1 failure was" if attempts == 1 else f"{attempts:,} failures were"
    return f"{failures} ignored, so results are missing."


def facts_of_run(run: Run, fatal: Row | None = None, stderr: str = "") -> Facts:
    """Pure. The facts of what ended the run: of its task, where that is known, with the texts of the run."""
    message, whole_report = _texts(run)
    cancelled = run.reported_state == ReportedState.CANCELLED
    texts = of_run(message, whole_report, cancelled, is_nextflow(run), stderr)
    return texts if fatal is None else facts_of_row(fatal, texts)


def facts_of_row(row: Row, texts: Facts) -> Facts:
    """Pure. The facts of a row of `failures.sql`; what its figures do not tell is that of `texts`."""
    return replace(
        texts,
        process=row["process"] or "",
        exit=row["exit"],
        attempt=row["attempt"],
        memory=row["memory_bytes"],
        peak_memory=row["peak_rss_bytes"],
        time_limit=row["time_limit_ms"],
        ran=row["realtime_ms"] or row["lasted_ms"],
        cpus=row["cpus"],
        price_model=row["price_model"] or "",
        spot_interruptions=row["spot_interruptions"] or 0,
        container=row["container"] or "",
    )


def is_nextflow(run: Run) -> bool:
    """Pure. Whether configuration of Nextflow helps. Before its runs begin nothing says so but how they are resumed."""
    if run.runner.name:
        return run.runner.name.lower() == "nextflow"
    return (run.resume_command or "").startswith("-resume ")


def _texts(run: Run) -> tuple[str, str]:
    """The message and the report of the run; in lists, which leave long reports out, the line that says most stands in."""
    error = run.error
    if error is None:
        return "", ""
    return error.message or error.summary or "", error.report or ""


def _stderr(fatal: Row, report: Report, stores: ObjectStores) -> Stderr | None:
    """What the report has of it; else, where its work directory may be read, the end of the file."""
    if report.stderr.strip():
        return Stderr(text=last_lines(report.stderr, _STDERR_LINES, _STDERR_SHOWN), path=None)
    files = dict(task_files(fatal["workdir"], stores))
    for name in _ERROR_FILES:
        if name in files and (
            text := last_lines(files[name].text[-STDERR_MOST:], _STDERR_LINES, _STDERR_SHOWN)
        ):
            return Stderr(text=text, path=files[name].path)
    return None


def _group(row: Row, nextflow: bool, but_one: bool) -> FailureGroup:
    task = _task(row)
    cause: Cause = diagnose(RULES, facts_of_row(row, Facts(nextflow=nextflow)))
    return FailureGroup(
        process=task.process, exit=task.exit, attempts=row["attempts"] - but_one, example=task, cause=cause
    )


def _task(row: Row) -> FailedTask:
    return FailedTask(
        task_id=row["task_id"],
        name=row["name"] or None,
        process=row["process"] or None,
        attempt=row["attempt"],
        exit=None if row["exit"] == NO_EXIT else row["exit"],
        error_action=row["error_action"],
        native_id=row["native_id"],
        workdir=row["workdir"],
        completed_at=time_of(row["completed_ms"]),
        duration_ms=None if row["duration_ms"] is None or row["duration_ms"] < 0 else row["duration_ms"],
    )
