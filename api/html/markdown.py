"""Markdown of people and programs → HTML that is safe to show: no raw HTML, no images, no styles, no scripts. Pure."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

#: Of a text with more opening brackets no link is made: each bracket in brackets is read up to twenty times.
_BRACKETS_MAX = 2000
#: Characters of texts and their HTML that a process keeps, so that a page of long notes is rendered once and not at each view.
_KEPT_MOST = 8 * 2**20


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


_kept: OrderedDict[str, Markup] = OrderedDict()
_kept_size = 0
_lock = threading.Lock()
_ENGINE = _engine()
_WITHOUT_LINKS = _engine().disable("link")


def to_html(text: str) -> Markup:
    """The text as HTML. Links of other kinds than http, https and mailto stay text.

    The newest are kept: a text of 100,000 characters that somebody made to be dear takes a second.
    """
    with _lock:
        if html := _kept.get(text):
            _kept.move_to_end(text)
            return html
    html = _render(text)
    with _lock:
        _keep(text, html)
    return html


def _keep(text: str, html: Markup) -> None:
    global _kept_size
    if text not in _kept:
        _kept_size += len(text) + len(html)
    _kept[text] = html
    while _kept_size > _KEPT_MOST:
        old, its_html = _kept.popitem(last=False)
        _kept_size -= len(old) + len(its_html)


def _render(text: str) -> Markup:
    env: dict[str, Any] = {}
    engine = _ENGINE if text.count("[") <= _BRACKETS_MAX else _WITHOUT_LINKS
    return Markup(engine.render(text, env))
