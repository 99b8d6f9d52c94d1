"""Two runs beside each other, under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.compare import queries
from api.compare import regressions as regressions_of
from api.compare.models import Comparison, Regressions
from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.runs.queries import resolve

B = Annotated[
    str,
    Query(
        max_length=1000,
        description="A run's id or name; without it the last good run of a's pipeline before a",
    ),
]
A = Annotated[str, Query(max_length=1000, description="A run's id or name")]


def router(reader: Reader) -> APIRouter:
    """The routes."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/compare")
    def get_comparison(a: A, b: B = "") -> Comparison:
        """What differs between two runs: parameters, configuration, revision, containers; and what each process did in both."""
        return queries.compare_runs(reader, a, b)

    @r.get("/runs/{ref}/regressions")
    def get_regressions(ref: Ref) -> Regressions:
        """Processes that are slower or dearer, by half at least, than in the last good runs of its pipeline and revision."""
        return regressions_of.regressions(reader, resolve(reader, ref))

    return r
