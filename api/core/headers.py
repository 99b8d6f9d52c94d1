"""Headers of every answer, and the last resort: a bug answers 500 as a problem, and the process lives on."""

import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.core.problems import AnswerProblem, unforeseen

log = logging.getLogger(__name__)

#: Nothing inline, nothing from elsewhere: what a runner's texts might smuggle into a page cannot run. `data:`
#: images are in the style sheet of the API's documentation.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that, forms come with `Origin: null`, and over plain http nothing else says that they are ours.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

#: What an answer gets that does not say otherwise itself.
_RAW_HEADERS = [
    (name.lower().encode(), value.encode())
    for name, value in (HEADERS | {"Cache-Control": "no-store"}).items()
]


class SafeAnswers:
    """ASGI middleware around everything, the answers to errors included."""

    def __init__(self, app: ASGIApp, respond: AnswerProblem) -> None:
        self.app, self.respond = app, respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_safely(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = {name.lower() for name, _ in message.get("headers", ())}
                added = [header for header in _RAW_HEADERS if header[0] not in own]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            await self.app(scope, receive, send_safely)
        except ClientDisconnect:
            log.info("the client went before its request was complete")
        except Exception:
            if started:
                raise  # too late for an answer: the server cuts the connection
            log.exception("%s %s failed", scope["method"], scope["path"][:200])
            await self.respond(scope, unforeseen(), {})(scope, receive, send_safely)
