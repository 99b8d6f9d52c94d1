"""Pipelines under /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.core.db import Reader
from api.core.params import RunFilter, run_filter
from api.core.problems import responses
from api.pipelines import queries
from api.pipelines.models import PipelineDetail, PipelineList

Name = Annotated[str, Path(max_length=1000, description="As lists of runs show it")]
Filter = Annotated[RunFilter, Depends(run_filter)]


def router(reader: Reader) -> APIRouter:
    """The routes."""
    r = APIRouter(prefix="/api/v1", tags=["pipelines"], responses=responses(400, 404))

    @r.get("/pipelines")
    def list_pipelines(filter: Filter) -> PipelineList:
        """How the runs of each pipeline went; the parameters of `/runs` filter."""
        return queries.pipelines(reader, filter)

    @r.get("/pipelines/{name:path}")
    def get_pipeline(name: Name, filter: Filter) -> PipelineDetail:
        """One pipeline, its newest runs, and its processes over these."""
        return queries.one_pipeline(reader, name, filter)

    return r
