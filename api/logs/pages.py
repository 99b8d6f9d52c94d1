"""The page of a runner's log, for browsers without script, and its download."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response, StreamingResponse

from api.core.db import Reader
from api.html.page import Page
from api.html.render import render
from api.logs.queries import LOG_BYTES, log_stream, run_log
from api.runs.queries import history, one_run
from stores.objects.open import ObjectStores

LogName = Annotated[str, Query(max_length=1024)]


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The routes."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/runs/{ref}/log")
    def log_page(ref: str, name: LogName = "") -> Response:
        run = one_run(reader, ref)
        log = run_log(run, stores, name, LOG_BYTES, lambda: history(reader, run.id))
        return render("logs/log.html", run=run, log=log)

    @r.get("/runs/{ref}/log/download")
    def download_log(ref: str, name: LogName = "") -> Response:
        """All of it, as a file."""
        log_name, size, chunks = log_stream(one_run(reader, ref), stores, name)
        headers = {
            "Content-Length": str(size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(log_name.lstrip('.'), safe='')}",
        }
        return StreamingResponse(chunks, headers=headers, media_type="text/plain; charset=utf-8")

    return r
