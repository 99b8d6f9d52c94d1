"""Two runs beside each other, under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.compare import queries
from api.compare.models import Comparison
from api.core.db import Reader
from api.core.problems import responses

B = Annotated[
    str,
    Query(
        max_length=1000,
        description="A run's id or name; without it the last good run of a's pipeline before a",
    ),
]
A = Annotated[str, Query(max_length=1000, description="A run's id or name")]


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/compare")
    def get_comparison(a: A, b: B = "") -> Comparison:
        """What differs between two runs: parameters, configuration, revision, containers; and what each process did in both."""
        return queries.compare_runs(reader, a, b)

    return r
