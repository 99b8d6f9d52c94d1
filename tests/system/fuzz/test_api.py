"""A short round of fuzzing of the API by its own OpenAPI, with a fixed seed; `make fuzz` does the long ones."""

import pytest
from fastapi import FastAPI

from stores.tables.client import Tables
from stores.tables.migrate import migrate
from tests.system.fuzz.api import fuzz, fuzz_tables

SEED = 20261126
EXAMPLES = 3  # good ones, and as many bad ones


def test_no_request_makes_the_api_fail(chdb_root: Tables) -> None:
    tables = chdb_root.beside("fuzzed_api")
    migrate(tables)
    found = fuzz_tables(tables, EXAMPLES, SEED)
    print(found)
    assert found.operations > 15 and found.requests >= found.operations
    assert found.bad > found.operations and found.statuses[400] > 0
    assert found.statuses[200] > 0 and not [s for s in found.statuses if s >= 500]
    tables.drop_database()
    tables.close()


def test_the_fuzzer_sees_a_failure() -> None:
    app = FastAPI(openapi_url="/api/v1/openapi.json")

    @app.get("/fails")
    def fails(n: int = 0) -> int:
        return n

    app.openapi_schema = app.openapi()
    app.openapi_schema["paths"]["/fails"]["get"]["responses"]["200"]["content"] = {"text/plain": {}}
    with pytest.raises(BaseExceptionGroup) as caught:
        fuzz(app, ["run"], 5, 1)
    assert "UndefinedContentType" in repr(caught.value.exceptions)


def test_the_fuzzer_sees_that_what_breaks_the_openapi_is_accepted() -> None:
    app = FastAPI(openapi_url="/api/v1/openapi.json")

    @app.get("/lax")
    def lax(n: str) -> str:
        return n

    app.openapi_schema = app.openapi()
    app.openapi_schema["paths"]["/lax"]["get"]["parameters"][0]["schema"] = {"type": "integer"}
    with pytest.raises(BaseExceptionGroup) as caught:
        fuzz(app, ["run"], 30, 1)
    assert "AcceptedNegativeData" in repr(caught.value.exceptions)
