"""Diagnosis under /api/v1."""

from fastapi import APIRouter

from api.core.db import Reader
from api.core.params import Ref
from api.core.problems import responses
from api.diagnosis import queries
from api.diagnosis.models import Diagnosis
from api.runs.queries import resolve
from stores.objects.open import ObjectStores


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The route."""
    r = APIRouter(prefix="/api/v1", tags=["runs"], responses=responses(400, 404))

    @r.get("/runs/{ref}/diagnosis")
    def get_diagnosis(ref: Ref) -> Diagnosis:
        """Why the run failed by fixed rules, each with its evidence and what to do; and what else failed in it."""
        return queries.diagnose_run(reader, stores, resolve(reader, ref))

    return r
