"""JSON of reports under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.reports.models import ReportList
from api.reports.queries import reports
from api.runs import queries as runs


def router(reader: Reader) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["outputs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/reports")
    def list_reports(ref: Ref) -> ReportList:
        """Files among the outputs that the pipeline's tracker.yml calls reports."""
        return ReportList(reports=reports(reader, runs.resolve(reader, ref)))

    return r
