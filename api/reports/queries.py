"""Reports of a run, and what they are called."""

from collections.abc import Sequence
from itertools import groupby

from api.core.db import Reader
from api.reports.models import Report

_REPORTS_MAX = 500


def reports(reader: Reader, run_id: str) -> list[Report]:
    """The run's reports, in the order of its tracker.yml."""
    rows = reader.rows("reports/reports", run_id=run_id, limit=_REPORTS_MAX)
    found: list[Report] = []
    for _, group in groupby(rows, key=lambda r: r["place"]):
        files = list(group)
        endings = telling_apart([f["key"] for f in files])
        found += [
            Report(
                index=len(found) + n,
                name=f"{f['display']} ({ending})" if ending else f["display"],
                path=f["key"],
                bytes=f["bytes"],
            )
            for n, (f, ending) in enumerate(zip(files, endings, strict=True))
        ]
    return found


def telling_apart(paths: Sequence[str]) -> list[str]:
    """Pure. Of each path the least that tells it from the others: one segment if one does, else all that differ; '' for one path.

    Of several segments that do, the shortest is taken, the first of these.
    """
    if len(paths) < 2:
        return [""] * len(paths)
    split = [path.split("/") for path in paths]
    shortest = min(map(len, split))
    start = next((n for n in range(shortest) if len({s[n] for s in split}) > 1), shortest)
    end = next((n for n in range(shortest - start) if len({s[-1 - n] for s in split}) > 1), shortest - start)
    middles = [s[start : len(s) - end] for s in split]
    if len({len(m) for m in middles}) == 1:
        columns = [[m[n] for m in middles] for n in range(len(middles[0]))]
        alone = [c for c in columns if len(set(c)) == len(c)]
        if alone:
            return min(alone, key=lambda column: sum(map(len, column)))
    return ["/".join(m) for m in middles]
