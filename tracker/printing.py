"""Prints texts from outside on a terminal: they are neither markup nor control codes there."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def printable(text: str) -> str:
    """Pure. The text with codes that a terminal would obey as `\\x1b`."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], width: int = 160) -> None:
    """Print a table; `width` where it goes to no terminal."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else width).print(table)
