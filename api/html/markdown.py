"""Markdown of people and programs → HTML that is safe to show: no raw HTML, no images, no styles, no scripts. Pure."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

#: Of a text with more opening brackets no link is made: each bracket in brackets is read up to twenty times.
_BRACKETS_MAX = 2000


def _engine() -> MarkdownIt:
    engine = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    engine.disable(["image", "html_block", "html_inline"])
    engine.core.ruler.push("harmless", lambda state: _make_harmless(state.tokens))
    return engine


def _make_harmless(tokens: Sequence[Token]) -> None:
    """Links tell nobody where they were followed; a page has no other styles than ours; headings stay below the page's."""
    for token in tokens:
        token.attrs.pop("style", None)
        if token.type == "link_open":
            token.attrs["rel"] = "noopener noreferrer nofollow"
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
        _make_harmless(token.children or ())


_ENGINE = _engine()
_WITHOUT_LINKS = _engine().disable("link")


def to_html(text: str) -> Markup:
    """The text as HTML. Links of other kinds than http, https and mailto stay text."""
    env: dict[str, Any] = {}
    engine = _ENGINE if text.count("[") <= _BRACKETS_MAX else _WITHOUT_LINKS
    return Markup(engine.render(text, env))
