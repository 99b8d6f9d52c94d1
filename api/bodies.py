"""Bodies of requests that write: read up to a limit, and not from a page of another site."""

from collections.abc import Mapping
from urllib.parse import parse_qs

from fastapi import Request

from api.problems import Problem, bad_request

_FIELDS_MAX = 10


async def read_body(request: Request, most: int, what: str) -> bytes:
    """The body, of at most so many bytes; `what` names it to people.

    Raises Problem 403 if a page of another site sent it, 413 as soon as it is too long.
    """
    if not _from_here(request.headers):
        raise Problem(403, "a page of another site may not write here")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Problem(413, f"{what} takes no more than {most} bytes")
    return body


def form_fields(body: bytes) -> dict[str, str]:
    """Pure. The fields of a form, of each its first value; the browser's CR LF is LF. Raises Problem 400."""
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError as e:
        raise bad_request("the form cannot be read") from e
    return {name: values[0].replace("\r\n", "\n") for name, values in fields.items()}


def _from_here(headers: Mapping[str, str]) -> bool:
    """Whether a page of ours sent it, or no page at all. Pure. Browsers say so; old ones at least where a form came from."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site in ("same-origin", "none")
    return origin is None or origin.split("://")[-1] == headers.get("host")
