"""Pipelines under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.problems import responses
from api.pipelines import queries
from api.pipelines.models import PipelineDetail, PipelineList
from api.pipelines.params import Filter, Name


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
