"""Bodies of requests: their limit, and the fields of forms. JSON is read by FastAPI from the routes' models."""

from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends, Request
from starlette.types import Message, Receive, Scope

from api.core.problems import Problem, bad_request

#: The longest note (100,000 characters) fits, however it is escaped.
BODY_BYTES_MAX = 1_000_000
#: A form of the dashboard has a box for each run of a page.
_FIELDS_MAX = 250


def limited(receive: Receive) -> Receive:
    """The same, but Problem 413 is raised to whoever reads more than BODY_BYTES_MAX."""
    size = 0

    async def receive_limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > BODY_BYTES_MAX:
            raise Problem(413, f"a request takes no more than {BODY_BYTES_MAX:,} bytes")
        return message

    return receive_limited


def as_json(scope: Scope) -> Scope:
    """The same, without a Content-Type: the body is JSON whatever it says, since `curl -d` says that it is a form."""
    return {
        **scope,
        "headers": [(name, value) for name, value in scope["headers"] if name != b"content-type"],
    }


async def form_lists(request: Request) -> dict[str, list[str]]:
    """The fields of a form with all of their values; the browser's CR LF is LF. Raises Problem 400 and 413."""
    try:
        fields = parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError as e:
        raise bad_request("the form cannot be read") from e
    return {name: [v.replace("\r\n", "\n") for v in values] for name, values in fields.items()}


async def form_fields(request: Request) -> dict[str, str]:
    """The fields of a form, of each its first value. Raises as `form_lists`."""
    return {name: values[0] for name, values in (await form_lists(request)).items()}


#: Parameters of a route: the fields of its form, each by its first value or by all.
Form = Annotated[dict[str, str], Depends(form_fields)]
FormLists = Annotated[dict[str, list[str]], Depends(form_lists)]
