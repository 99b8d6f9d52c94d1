"""The tab Error & Resume: why the run failed, how it is gone on with, and what failed in it."""

from collections.abc import Mapping
from typing import Any

from api.core.db import Reader
from api.diagnosis.models import Diagnosis
from api.diagnosis.queries import diagnosis_of
from api.html.formats import middle
from api.runs.models import RunError, RunFacts, Tab
from schemas.statuses import ReportedState
from stores.objects.open import ObjectStores


def error_tab(stores: ObjectStores) -> Tab:
    """The tab. `stores`: where files of tasks are read from."""

    def fetch(reader: Reader, facts: RunFacts, _: Mapping[str, str]) -> dict[str, Any]:
        run = facts.run
        why = diagnosis_of(reader, stores, run)
        return {
            "why": why,
            "went_wrong": _went_wrong(facts),
            "evidence": evidence_beside(run.error, why),
            "message": message_beside(run.error, why.stderr.text if why.stderr else "")
            if run.error
            else None,
        }

    return Tab("error", "Error & Resume", "diagnosis/run_error.html", fetch, _applies)


def message_beside(error: RunError, stderr: str) -> str | None:
    """Pure. The message, unless another text that is shown has it: no text is shown twice."""
    message = error.message
    shown = (error.report or "", stderr)
    return (
        None if message == error.summary or (message and any(message in text for text in shown)) else message
    )


def evidence_beside(error: RunError | None, why: Diagnosis) -> list[str]:
    """Pure. The evidence as the card shows it: without the last line where the end of standard error is below, and with the
    runner's own exit status where it differs from the task's."""
    found = [middle(str(e), 400) for e in why.evidence if not (why.stderr and e.what == "last line")]
    status = error.exit_status if error else None
    if status is not None and f"exit status {status}" not in found:
        found.append(f"the runner's exit status {status}")
    return found


def _went_wrong(facts: RunFacts) -> bool:
    return facts.run.reported_state in (ReportedState.FAILED, ReportedState.CANCELLED)


def _applies(facts: RunFacts) -> bool:
    """A run that went wrong, or that is over and left failures out."""
    return _went_wrong(facts) or (facts.run.liveness is None and facts.run.tasks.ignored > 0)
