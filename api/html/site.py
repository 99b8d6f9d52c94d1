"""Pages and pictures of the whole site: the favicons, the reference of the API, and addresses that lead elsewhere."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.html.page import Page
from api.html.render import render
from schemas.statuses import RunStatus

#: Of the favicons: readable on light and dark tab bars.
_ICON_COLOURS = {
    RunStatus.SUCCEEDED: "#22a650",
    RunStatus.FAILED: "#e5484d",
    RunStatus.RUNNING: "#3b82f6",
    RunStatus.CANCELLED: "#ea6a1f",
    RunStatus.DISCONNECTED: "#d99a06",
    RunStatus.STALLED: "#d99a06",
}


def router() -> APIRouter:
    """The routes."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)

    @r.get("/icon/{status}.svg")
    def icon(status: RunStatus) -> Response:
        page = render("html/icon.svg", shape=status.value, colour=_ICON_COLOURS.get(status, "#7b8696"))
        return Response(page.body, media_type="image/svg+xml", headers={"Cache-Control": "max-age=86400"})

    @r.get("/docs")
    def docs_page() -> Response:
        return render("html/docs.html")

    @r.get("/runs")
    @r.get("/runs/")
    def list_of_runs(request: Request) -> Response:
        return _to("/", request)

    @r.get("/dashboard/")
    @r.get("/runs/{ref}/")
    @r.get("/runs/{ref}/{part}/")
    def without_last_slash(request: Request) -> Response:
        return _to(request.scope["raw_path"].decode("latin-1").rstrip("/"), request)

    return r


def _to(path: str, request: Request) -> Response:
    """Another address with the same query; browsers keep what stands behind a #."""
    return RedirectResponse(path + (f"?{request.url.query}" if request.url.query else ""), 307)
