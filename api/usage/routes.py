"""What was requested and used, under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.runs.queries import resolve
from api.usage import queries
from api.usage.models import RunUsage


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/resources")
    def get_resources(ref: Ref) -> RunUsage:
        """CPUs, memory and time that each process requested and used, what was left unused, and what would have sufficed."""
        return queries.run_usage(reader, resolve(reader, ref))

    return r
