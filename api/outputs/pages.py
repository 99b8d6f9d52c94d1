"""The browser of a run's outputs and of a task's work folder: folders, a flat table, previews and downloads."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from api.core.db import Reader
from api.core.headers import POLICY
from api.core.params import PageToken
from api.core.problems import bad_request, not_found
from api.core.request_context import REQUEST_CONTEXT
from api.html.page import Page, next_page, query_without
from api.html.render import render
from api.outputs.content import beginning, download, open_folder, raw
from api.outputs.preview import PREVIEW_BYTES, Kind, type_of
from api.outputs.queries import (
    PATHS_MAX,
    FileFilter,
    deletions,
    file_page,
    folder_page,
    folder_path,
    known_folder,
    search_all,
)
from api.runs import queries as runs
from api.runs.models import Run
from api.tasks import queries as tasks
from schemas.access import Act, may
from stores.objects.open import ObjectStores
from stores.objects.paths import folder_of, is_key
from stores.objects.port import Entry, Level, StoreFailure

PAGE_SIZE = 200
Path = Annotated[str, Query(max_length=4096)]
Key = Annotated[str, Query(max_length=4096)]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that is browsed. `here`: the address of its browser; `uri`: where it lies, with / at its end."""

    run: Run
    title: str
    here: str
    uri: str

    def crumbs(self, path: str) -> list[tuple[str, str]]:
        """(name, path) of the folders on the way to this one."""
        parts = [part for part in path.split("/") if part]
        return [(part, "".join(f"{p}/" for p in parts[: n + 1])) for n, part in enumerate(parts)]


def router(reader: Reader, stores: ObjectStores) -> APIRouter:
    """The routes."""
    r = APIRouter(route_class=Page, include_in_schema=False, default_response_class=HTMLResponse)
    _add_browser(r, reader)
    _add_files(r, "/runs/{ref}/outputs", lambda ref, _: outputs_place(reader, ref), stores)
    _add_work_folder(r, reader, stores)
    _add_search(r, reader)
    return r


def outputs_place(reader: Reader, ref: str) -> Place:
    """The output folder of a run. Raises Problem 404."""
    run = runs.known_run(reader, runs.resolve(reader, ref), runs.UNSEEN)
    known = known_folder(reader, run.id)
    return Place(run, "Outputs", f"/runs/{quote(run.id, safe='')}/outputs", known.uri if known else "")


def work_place(reader: Reader, ref: str, task_id: int) -> Place:
    """The work folder of a task. Raises Problem 404."""
    run = runs.known_run(reader, runs.resolve(reader, ref), runs.UNSEEN)
    task = tasks.one_task(reader, run.id, task_id)
    if not task.workdir:
        raise not_found("work directory of task", str(task_id))
    here = f"/runs/{quote(run.id, safe='')}/tasks/{task_id}/workdir"
    return Place(run, f"Work directory of {task.name or task_id}", here, task.workdir.rstrip("/") + "/")


def _add_browser(r: APIRouter, reader: Reader) -> None:
    @r.get("/runs/{ref}/outputs")
    def browse(
        request: Request,
        ref: str,
        path: Path = "",
        search: Annotated[str, Query(max_length=1000)] = "",
        view: Annotated[str, Query(max_length=20)] = "",
        sort: Annotated[str, Query(max_length=100)] = "",
        page_token: PageToken = "",
    ) -> Response:
        place, path = outputs_place(reader, ref), folder_path(path)
        flat = view == "table" or bool(search.strip())
        page = (
            file_page(reader, place.run.id, FileFilter(path, search, sort), page_token, PAGE_SIZE)
            if flat
            else folder_page(reader, place.run.id, path, page_token, PAGE_SIZE)
        )
        known = known_folder(reader, place.run.id)
        return render(
            "outputs/outputs.html",
            place=place,
            run=place.run,
            outputs=place.run.outputs,
            page=page,
            path=path,
            search=search,
            sort=sort,
            flat=flat,
            looking=bool(known and known.looking),
            has_roots=bool(reader.settings.roots or reader.settings.s3_folders),
            query=query_without(request, "sort", "page_token"),
            paths=f"{place.here}/paths?" + urlencode({"path": path, "search": search, "flat": int(flat)}),
            next_page=next_page(request, page.next_page_token),
            jobs=deletions(reader, place.run.id),
            may_delete=may(REQUEST_CONTEXT.get().caller, Act.DELETE_OUTPUTS, place.run.owner),
            may_change=may(REQUEST_CONTEXT.get().caller, Act.CHANGE_RUN, place.run.owner),
        )

    @r.get("/runs/{ref}/outputs/paths")
    def copy_paths(
        ref: str, path: Path = "", search: Annotated[str, Query(max_length=1000)] = "", flat: bool = False
    ) -> Response:
        """The whole paths of the files that the browser shows, a line each; 10,000 at most."""
        place, path = outputs_place(reader, ref), folder_path(path)
        page = (
            file_page(reader, place.run.id, FileFilter(path, search), "", PATHS_MAX)
            if flat or search.strip()
            else folder_page(reader, place.run.id, path, "", PATHS_MAX)
        )
        return PlainTextResponse("\n".join(file.uri for file in page.outputs))


def _add_search(r: APIRouter, reader: Reader) -> None:
    @r.get("/outputs")
    def search_page(
        request: Request, search: Annotated[str, Query(max_length=1000)] = "", page_token: PageToken = ""
    ) -> Response:
        """Outputs of all runs, once there is something to search for."""
        page = search_all(reader, search, page_token, PAGE_SIZE) if search.strip() else None
        return render(
            "outputs/search.html",
            search=search,
            page=page,
            next_page=next_page(request, page.next_page_token) if page else None,
        )


def _add_work_folder(r: APIRouter, reader: Reader, stores: ObjectStores) -> None:
    @r.get("/runs/{ref}/tasks/{task_id}/workdir")
    def browse_work_folder(ref: str, task_id: int, path: Path = "") -> Response:
        place = work_place(reader, ref, task_id)
        failure: StoreFailure | None = None
        level = Level([], [], False)
        if path and not (is_key(path) and path.endswith("/")):
            raise bad_request("path: a folder below this one, with / at its end")
        try:
            level = open_level(stores, place.uri, path)
        except StoreFailure as e:
            failure = e
        return render(
            "outputs/workdir.html",
            place=place,
            run=place.run,
            task_id=task_id,
            path=path,
            folders=[(f, f.rstrip("/").rpartition("/")[2]) for f in level.folders],
            files=[_row(e) for e in level.entries],
            more=level.more,
            failure=failure,
        )

    _add_files(
        r,
        "/runs/{ref}/tasks/{task_id}/workdir",
        lambda ref, task_id: work_place(reader, ref, task_id or 0),
        stores,
    )


def open_level(stores: ObjectStores, uri: str, path: str) -> Level:
    """What lies directly in a folder of a store. Raises StoreFailure."""
    return stores.open(folder_of(uri)).level(path)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "path": entry.key,
        "name": entry.key.rpartition("/")[2],
        "bytes": entry.size,
        "modified_ms": entry.modified_ms,
    }


def _add_files(
    r: APIRouter, base: str, place_of: Callable[[str, int | None], Place], stores: ObjectStores
) -> None:
    """The preview of a file of the folder, its bytes, and its download."""

    def opened(ref: str, task_id: int | None, key: str) -> tuple[Place, Any]:
        place = place_of(ref, task_id)
        if not is_key(key):
            raise not_found("file", key)
        if not place.uri:
            raise not_found("output directory of run", ref)
        return place, open_folder(stores, place.uri)

    @r.get(f"{base}/file")
    def show_file(ref: str, key: Key = "", task_id: int | None = None) -> Response:
        place, objects = opened(ref, task_id, key)
        part, shown = beginning(objects, key)
        kind, _ = type_of(key)
        return render(
            "outputs/file.html",
            # A frame of our own, whose content has a policy of its own.
            headers={"Content-Security-Policy": f"{POLICY}; frame-src 'self'"},
            place=place,
            run=place.run,
            key=key,
            file_name=key.rpartition("/")[2],
            size=part.size,
            modified_ms=part.modified_ms,
            kind=kind,
            shown=shown,
            too_large=part.size > PREVIEW_BYTES,
            kinds=Kind,
            limit=PREVIEW_BYTES,
        )

    @r.get(f"{base}/raw")
    def show_raw(ref: str, key: Key = "", task_id: int | None = None) -> Response:
        _, objects = opened(ref, task_id, key)
        return raw(objects, key)

    @r.get(f"{base}/download")
    def download_file(ref: str, key: Key = "", task_id: int | None = None) -> Response:
        _, objects = opened(ref, task_id, key)
        return download(objects, key)
