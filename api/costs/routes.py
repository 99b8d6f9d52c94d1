"""Costs under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.costs import queries as costs
from api.costs.models import Costs
from api.runs.queries import resolve


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/costs")
    def get_costs(ref: Ref) -> Costs:
        """What the run cost, by process, and how that was worked out."""
        return costs.costs(reader, resolve(reader, ref))

    return r
