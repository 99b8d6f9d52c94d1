"""Bodies of requests that write: read up to a limit. (That no page of another site sent them is for access.py.)"""

from typing import TypeVar
from urllib.parse import parse_qs

from fastapi import Request
from pydantic import BaseModel, ValidationError

from api.core.problems import Problem, bad_request

M = TypeVar("M", bound=BaseModel)

_FIELDS_MAX = 10
_JSON_MAX = 10_000


async def read_body(request: Request, most: int, what: str) -> bytes:
    """The body, of at most so many bytes, kept for whoever reads it next; `what` names it to people.

    Raises Problem 413 as soon as it is too long.
    """
    if not hasattr(request, "_body"):
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > most:
                raise Problem(413, f"{what} takes no more than {most} bytes")
            chunks.append(chunk)
        request._body = b"".join(chunks)
    return request._body


async def read_json(request: Request, model: type[M]) -> M:
    """The body of a small request; none is an empty object. Raises Problem 413, and 400 which says what is wrong with it."""
    body = await read_body(request, _JSON_MAX, "this")
    try:
        return model.model_validate_json(body.strip() or b"{}")
    except ValidationError as e:
        wrong = e.errors(include_url=False)[0]
        raise bad_request(f"{'.'.join(map(str, wrong['loc'])) or 'body'}: {wrong['msg']}"[:500]) from e


def described(model: type[BaseModel], required: bool) -> dict[str, object]:
    """What OpenAPI says of a body that is read by `read_json`."""
    content = {"application/json": {"schema": model.model_json_schema()}}
    return {"requestBody": {"required": required, "content": content}}


def form_fields(body: bytes) -> dict[str, str]:
    """Pure. The fields of a form, of each its first value; the browser's CR LF is LF. Raises Problem 400."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError as e:
        raise bad_request("the form cannot be read") from e
    return {name: values[0].replace("\r\n", "\n") for name, values in fields.items()}
