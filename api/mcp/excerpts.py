"""Long texts cut to their head and tail. Pure."""

from pydantic import BaseModel, Field

_HEAD, _TAIL = 1000, 3000


class Excerpt(BaseModel):
    """A text, or its beginning and its end, which says most of a log."""

    text: str
    left_out: int = Field(0, description="Characters that were left out of its middle")


def excerpt(text: str | None, head: int = _HEAD, tail: int = _TAIL) -> Excerpt | None:
    """None where there is no text."""
    if not text:
        return None
    left_out = len(text) - head - tail
    if left_out <= 0:
        return Excerpt(text=text)
    mark = f"\n[… {left_out:,} characters left out …]\n"
    return Excerpt(text=f"{text[:head]}{mark}{text[-tail:]}", left_out=left_out)


def line(text: str | None, most: int = 300) -> str | None:
    """A short text of one line; None where there is none."""
    if not text:
        return None
    joined = " ".join(text[: 4 * most].split())
    return joined if len(joined) <= most else f"{joined[: most - 1]}…"
