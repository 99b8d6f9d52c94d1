"""The pages' templates. Texts are always escaped."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from api.core.request_context import CSRF_FIELD, REQUEST_CONTEXT
from api.html import formats
from schemas.texts import error_texts, units
from schemas.values import iso


def csrf_field() -> Markup:
    """The hidden field that every form which writes carries."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, REQUEST_CONTEXT.get().csrf)


def _environment() -> Environment:
    env = Environment(
        loader=PackageLoader("api", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (
        units.duration,
        units.size,
        formats.moment,
        formats.ago,
        formats.number,
        formats.percent,
        formats.amount,
        formats.grams,
        formats.digits,
        formats.or_dash,
        formats.pipeline,
        formats.middle,
        formats.excerpt,
        formats.fitting,
        formats.task_label,
        formats.bar,
        formats.ms_of,
        formats.as_json,
        error_texts.sentence,
        iso,
    )
    for read in filters:
        env.filters[read.__name__] = read
    env.filters["urlencode"] = lambda value: quote(str(value), safe="")  # Jinja's own leaves / as it is
    env.globals["csrf_field"] = csrf_field
    env.globals["request_context"] = REQUEST_CONTEXT.get
    return env


_ENVIRONMENT = _environment()


def fragment(name: str, **values: Any) -> Markup:
    """A part of a page, from this template."""
    return Markup(_ENVIRONMENT.get_template(name).render(**values))


def render(
    name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any
) -> HTMLResponse:
    """The page of this template."""
    page = HTMLResponse(_ENVIRONMENT.get_template(name).render(**values), status)
    page.headers.update(headers or {})
    return page
