"""The HTTP edge that runners talk to: a 2xx is answered only when the log has acknowledged the event."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ingest import native, probes, tower, weblog
from ingest.authenticator import Authenticator, Refusal
from ingest.message import Message, encode, encode_host, message_of
from ingest.owners import RunOwners
from ingest.request import Read, Unreadable
from ingest.request import Request as RunnerRequest
from ingest.ticker import Ticker
from schemas import topics
from schemas.access import Act, Caller, may, may_report_on
from schemas.hosts.events import HostSeen
from schemas.metrics import (
    DENIED,
    INGEST_APPEND_SECONDS,
    INGEST_REQUESTS,
    INGEST_SECONDS,
    INGEST_SET_ASIDE,
    INGEST_TASK_RECORDS,
)
from schemas.run_ids import log_key
from schemas.run_names import LAUNCHED_AS
from schemas.settings import Settings
from schemas.statuses import Dialect
from stores.log.port import EventLog, LogUnavailable
from stores.tokens.token_list import NoTokens, TokenList

_log = structlog.get_logger(__name__)

VERBS = frozenset({"create", "begin", "progress", "heartbeat", "complete"})

#: A body larger than this (bytes) is read in a thread, so that it does not hold up everybody's answers: the worst that anybody
#: found for so many bytes takes 0.05 s.
LARGE_BODY = 32 * 1024
#: The usual request of a runner is cheap for its size, and a thread costs more: 100 task records of a cloud run are 134 KB, and
#: take 0.9 ms; the worst that passes for usual, 0.05 s.
LARGE_USUAL_BODY = 144 * 1024
#: Those threads: not asyncio's own, which projection uses, and few, as they compete for one interpreter.
_LARGE_BODIES = ThreadPoolExecutor(max_workers=2, thread_name_prefix="ingest-parse")

#: Of a native batch, the most runs whose events are appended at the same time.
MOST_RUNS_AT_ONCE = 64

#: Where a runner that can send no header puts its token: `/weblog?token=…`.
QUERY_TOKEN = "token"


def create_app(
    log: EventLog,
    settings: Settings,
    process: str,
    clock: Callable[[], int],
    tokens: TokenList | None = None,
    owners: RunOwners | None = None,
    log_probes: probes.LogProbes | None = None,
) -> Starlette:
    """Ingest alone, with probes and ticks. The caller starts and stops the log; `clock` gives epoch ms.

    Without `tokens` everybody may report; without `owners` the projector alone judges who speaks for a run. `log_probes` may
    be shared with a port of their own.
    """
    tokens = tokens or NoTokens()
    log_probes = log_probes or probes.LogProbes(log, tokens)

    @asynccontextmanager
    async def ticking(_: Starlette) -> AsyncIterator[None]:
        async with Ticker(log, process, settings.tick_seconds, clock):
            yield

    paths = [*routes(log, settings, process, clock, tokens, owners), *probes.routes(log_probes, clock)]
    return Starlette(routes=paths, lifespan=ticking)


def routes(
    log: EventLog,
    settings: Settings,
    process: str,
    clock: Callable[[], int],
    tokens: TokenList | None = None,
    owners: RunOwners | None = None,
) -> list[BaseRoute]:
    """What runners call: at the root, under /api, and of a run that `tracker run` starts, under its name.

    Probes and ticks are the caller's.
    """
    authenticator = Authenticator(tokens or NoTokens(), settings, clock)
    edge = _Edge(log, settings, process, clock, authenticator, owners)
    nextflow: list[tuple[str, list[str], Callable[[Request], Awaitable[Response]]]] = [
        ("/trace/create", ["POST", "PUT"], edge.create),
        ("/trace/{run_id}/{verb}", ["PUT", "POST"], edge.trace),
        ("/trace/{rest:path}", ["PUT", "POST"], edge.trace),
        ("/workflow/{run_id}", ["PATCH"], edge.nothing),
        ("/user-info", ["GET"], edge.user_info),
        ("/service-info", ["GET"], edge.service_info),
        ("/weblog", ["POST"], edge.weblog),
    ]
    prefixes = ("", "/api", LAUNCHED_AS + "{launched_as}")
    return [
        *(Route(prefix + path, f, methods=methods) for prefix in prefixes for path, methods, f in nextflow),
        *(Route(prefix + "/v1/events", edge.events, methods=["POST"]) for prefix in ("", "/api")),
    ]


class _Edge:
    """The routes of one process."""

    def __init__(
        self,
        log: EventLog,
        settings: Settings,
        process: str,
        clock: Callable[[], int],
        authenticator: Authenticator,
        owners: RunOwners | None,
    ) -> None:
        self._log, self._settings, self._process, self._clock = log, settings, process, clock
        self._authenticator, self._owners = authenticator, owners
        self._most = 2 * settings.max_body_bytes - 256  # the log takes twice the body, its framing included

    async def trace(self, request: Request) -> Response:
        """Tower's requests. A path of another shape than /trace/{run_id}/{verb} has no verb that is known."""
        run_id = request.path_params.get("run_id", "")
        verb = request.path_params.get("verb", "")

        def answer(message: Message) -> dict[str, Any]:
            if verb == "create":
                return self._created(message)
            return {"watchUrl": self._watch_url(message.run_id)} if verb == "begin" else {}

        return await self._foreign(request, run_id, verb, Dialect.TOWER, tower.read, answer)

    async def create(self, request: Request) -> Response:
        """Tower's first request. Even one that cannot be read gets an id, as the runner needs one."""
        return await self._foreign(request, "", "create", Dialect.TOWER, tower.read, self._created)

    def _created(self, message: Message) -> dict[str, Any]:
        return {"workflowId": message.run_id, "watchUrl": self._watch_url(message.run_id)}

    def _watch_url(self, run_id: str) -> str:
        return f"{self._settings.base_url}/runs/{run_id}" if run_id else self._settings.base_url

    async def weblog(self, request: Request) -> Response:
        return await self._foreign(request, "", "weblog", Dialect.WEBLOG, weblog.read, lambda _: {})

    async def _foreign(
        self,
        request: Request,
        run_id: str,
        verb: str,
        dialect: Dialect,
        read: Callable[[RunnerRequest], Read],
        answer: Callable[[Message], dict[str, Any]],
    ) -> Response:
        """Accept whatever the runner sent; only its size, its token or a log that is away make it fail."""
        began = time.perf_counter()
        label = verb if verb in VERBS or dialect is not Dialect.TOWER else "other"
        try:
            caller = self._authenticator.authenticate(
                request, QUERY_TOKEN if dialect is Dialect.WEBLOG else ""
            )
            body = await self._body(request)
            workspace = request.query_params.get("workspaceId", "")
            runner_request = RunnerRequest(
                *(run_id, verb, body, workspace, self._clock(), self._process, caller.name),
                on_any_run=may(caller, Act.CHANGE_RUN),
                launched_as=request.path_params.get("launched_as", ""),
            )
            where = f"{request.method} {request.scope['path']}"
            as_usual = dialect is Dialect.TOWER and LARGE_BODY < len(body) <= LARGE_USUAL_BODY
            if as_usual and (usual := tower.usual(runner_request)):
                message = message_of(runner_request, lambda _: usual, where, dialect, self._most)
            else:
                message = await _off_loop(
                    len(body), message_of, runner_request, read, where, dialect, self._most
                )
            await self._append(message)
        except Refusal as refusal:
            INGEST_REQUESTS.labels(dialect, label, refusal.outcome).inc()
            return _refused(refusal, {"message": refusal.message}, "application/json")
        INGEST_REQUESTS.labels(dialect, label, message.outcome).inc()
        INGEST_SECONDS.labels(dialect).observe(time.perf_counter() - began)
        return JSONResponse(answer(message))

    async def events(self, request: Request) -> Response:
        """Our own dialect: a bad request is refused, with what is wrong where."""
        began = time.perf_counter()
        outcome = "accepted"
        try:
            caller = self._authenticator.authenticate(request)
            self._authenticator.limit(caller)
            body = await self._body(request)
            messages = await _off_loop(len(body), self._native, body, caller)
            await self._refuse_foreign(messages, caller)
            await self._append_all(messages)
        except native.Refused as refused:
            outcome = "forbidden" if refused.status == 403 else "invalid"
            return _problem(refused.status, refused.title, refused.detail, refused.errors)
        except Refusal as refusal:
            outcome = refusal.outcome
            return _refused(refusal, _problem_of(refusal), "application/problem+json")
        finally:
            INGEST_REQUESTS.labels(Dialect.NATIVE, "events", outcome).inc()
        INGEST_SECONDS.labels(Dialect.NATIVE).observe(time.perf_counter() - began)
        run_ids = list(dict.fromkeys(m.run_id for m in messages if m.run_id))
        return JSONResponse({"accepted": len(messages), "run_ids": run_ids})

    def _native(self, body: bytes, caller: Caller) -> list[Message]:
        sender = native.Sender(self._process, self._clock(), caller.name, may(caller, Act.CHANGE_RUN))
        read = native.read(body, sender)
        try:
            messages = [
                encode_host(event) if isinstance(event, HostSeen) else encode(event, tasks)
                for event, tasks in read
            ]
        except Unreadable as error:
            raise native.Refused(
                422, "The events are not valid", f"{error}; nothing was accepted.", []
            ) from error
        for i, message in enumerate(messages):
            if len(message.value) > self._most:
                detail = "An event is larger than a message of the log may be; nothing was accepted."
                raise native.Refused(413, "An event is too large", detail, [{"loc": [i], "msg": detail}])
        return messages

    async def _refuse_foreign(self, messages: Sequence[Message], caller: Caller) -> None:
        """Raises native.Refused 403 if one of the runs is known to be somebody else's."""
        on_any_run = may(caller, Act.CHANGE_RUN)
        if self._owners is None or on_any_run or not caller.name:
            return
        ids = {i for m in messages if m.run_id for i in (log_key(m.run_id), m.run_id)}
        owners = await self._owners.of(sorted(ids))

        def owner(run_id: str) -> str:  # executions of a weblog run are its first one's owner's
            return owners.get(log_key(run_id), "") or owners.get(run_id, "")

        errors = [
            {"loc": [i], "msg": f"run {m.run_id} belongs to somebody else"}
            for i, m in enumerate(messages)
            if not may_report_on(owner(m.run_id), caller.name, on_any_run)
        ]
        if errors:
            DENIED.labels("ingest", "forbidden").inc()
            detail = "Only its owner, an operator or an admin may report on a run; nothing was accepted."
            raise native.Refused(403, "The run is not yours", detail, errors[: native.MOST_ERRORS])

    async def _append_all(self, messages: list[Message]) -> None:
        """In order within each run; of a batch that fails half way the client sends all again, to no harm."""
        by_run: dict[str, list[Message]] = {}
        for message in messages:
            by_run.setdefault(message.key, []).append(message)
        limit = asyncio.Semaphore(MOST_RUNS_AT_ONCE)

        async def one_run(of_run: list[Message]) -> None:
            async with limit:
                for message in of_run:
                    await self._append(message)

        answers = await asyncio.gather(*map(one_run, by_run.values()), return_exceptions=True)
        for failed in (a for a in answers if isinstance(a, BaseException)):
            raise failed

    async def _append(self, message: Message) -> None:
        """Wait until the log has it. Raises Refusal: whatever went wrong, the runner is to try again."""
        began = time.perf_counter()
        try:
            await self._log.append(topics.EVENTS, message.key, message.type, message.value)
        except LogUnavailable as error:
            _log.warning("the log did not acknowledge", run_id=message.run_id, error=str(error))
            raise Refusal(503, "log_unavailable", "the log does not answer; try again") from error
        except Exception as error:
            _log.exception("the log failed", run_id=message.run_id)
            raise Refusal(503, "log_unavailable", "the log failed; try again") from error
        INGEST_APPEND_SECONDS.observe(time.perf_counter() - began)
        INGEST_TASK_RECORDS.inc(message.tasks)
        INGEST_SET_ASIDE.inc(message.set_aside)

    async def _body(self, request: Request) -> bytes:
        """The body, never more of it than is allowed. Raises Refusal."""
        most = self._settings.max_body_bytes
        too_large = Refusal(413, "too_large", f"the body is larger than {most} bytes")
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and len(announced) < 20 and int(announced) > most:
            raise too_large
        chunks, size = [], 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise too_large
                chunks.append(chunk)
        except ClientDisconnect as error:
            raise Refusal(400, "disconnected", "the body ended early") from error
        return b"".join(chunks)

    def _small_answer(self, request: Request, answer: Callable[[Caller], dict[str, Any]]) -> Response:
        """The answer to a caller who may report; no event is made of the request."""
        try:
            return JSONResponse(answer(self._authenticator.authenticate(request)))
        except Refusal as refusal:
            return _refused(refusal, {"message": refusal.message}, "application/json")

    async def nothing(self, request: Request) -> Response:
        """PATCH /workflow/{id}: for a scheduler that we are not."""
        return self._small_answer(request, lambda _: {})

    async def user_info(self, request: Request) -> Response:
        """Whose token it is."""
        user = {"id": 1, "email": "", "firstName": "", "lastName": ""}
        more = {"needConsent": False, "defaultWorkspaceId": None}
        return self._small_answer(
            request, lambda caller: {"user": user | {"userName": caller.name or "tracker"}, **more}
        )

    async def service_info(self, _: Request) -> Response:
        info = {"version": "run-tracker", "apiVersion": "1.0", "authTypes": [], "loginPath": ""}
        return JSONResponse({"serviceInfo": info})


async def _off_loop(size: int, work: Callable[..., Any], *args: Any) -> Any:
    if size <= LARGE_BODY:
        return work(*args)
    return await asyncio.get_running_loop().run_in_executor(_LARGE_BODIES, work, *args)


def _refused(refusal: Refusal, content: dict[str, Any], media_type: str) -> Response:
    return JSONResponse(content, refusal.status, refusal.headers, media_type)


def _problem_of(refusal: Refusal) -> dict[str, Any]:
    title = (
        "The log is not available"
        if refusal.outcome == "log_unavailable"
        else HTTPStatus(refusal.status).phrase
    )
    return {"type": "about:blank", "title": title, "status": refusal.status, "detail": refusal.message}


def _problem(status: int, title: str, detail: str, errors: list[dict[str, Any]]) -> Response:
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, "errors": errors}
    return JSONResponse(content, status, media_type="application/problem+json")
