"""Costs under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends

from api.core.db import Reader
from api.core.params import Ref, RunFilter, run_filter
from api.core.problems import responses
from api.costs import queries as costs
from api.costs.models import Costs, ProcessTimeline, SpendList
from api.costs.spend import By, spend
from api.runs.queries import one_run, resolve


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/costs")
    def get_costs(ref: Ref) -> Costs:
        """What the run cost, by process, and how that was worked out."""
        return costs.costs(reader, resolve(reader, ref))

    @r.get("/runs/{ref}/costs/timeline")
    def get_process_timeline(ref: Ref) -> ProcessTimeline:
        """When each process was at work, which stretches the run's end waited for, and where the critical path passes on."""
        return costs.process_timeline(reader, one_run(reader, ref))

    @r.get("/costs")
    def get_spend(filter: Annotated[RunFilter, Depends(run_filter)], by: By = By.PIPELINE) -> SpendList:
        """What runs cost together, in groups; the parameters of `/runs` filter."""
        return spend(reader, filter, by)

    return r
