"""How a file is shown: its kind by its name, and a part of its bytes as a table, as JSON or as text. Pure."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

#: Larger files are not shown, only downloaded.
PREVIEW_BYTES = 25 * 2**20
#: Of a text no more than this is in the page; the whole is one click away.
TEXT_BYTES = 2**20
#: Characters of a JSON text with indents; one that would be longer is shown as it is.
_INDENTED_MOST = 4 * TEXT_BYTES
_ROWS_MAX, _COLUMNS_MAX = 1000, 200
_DELIMITERS = ",\t;|"


class Kind(StrEnum):
    """What a file is shown as."""

    HTML = "html"
    PDF = "pdf"
    IMAGE = "image"
    TABLE = "table"
    JSON = "json"
    TEXT = "text"
    OTHER = "other"  # not shown


#: Kind and type of content, by the end of the name.
_TYPES: Mapping[str, tuple[Kind, str]] = MappingProxyType(
    {
        **dict.fromkeys(("html", "htm"), (Kind.HTML, "text/html; charset=utf-8")),
        "pdf": (Kind.PDF, "application/pdf"),
        "png": (Kind.IMAGE, "image/png"),
        **dict.fromkeys(("jpg", "jpeg"), (Kind.IMAGE, "image/jpeg")),
        "gif": (Kind.IMAGE, "image/gif"),
        "svg": (Kind.IMAGE, "image/svg+xml"),
        "bmp": (Kind.IMAGE, "image/bmp"),
        **dict.fromkeys(("tif", "tiff"), (Kind.IMAGE, "image/tiff")),
        "webp": (Kind.IMAGE, "image/webp"),
        **dict.fromkeys(("csv", "tsv"), (Kind.TABLE, "text/plain; charset=utf-8")),
        "json": (Kind.JSON, "text/plain; charset=utf-8"),
        **dict.fromkeys(
            [
                "txt",
                "log",
                "sh",
                "py",
                "r",
                "nf",
                "cfg",
                "config",
                "yaml",
                "yml",
                "md",
                "xml",
                "bed",
                "gtf",
                "gff",
                "vcf",
                "sam",
                "fasta",
                "fa",
                "fastq",
                "fq",
                "maf",
                "err",
                "out",
                "command",
            ],
            (Kind.TEXT, "text/plain; charset=utf-8"),
        ),
    }
)
_OTHER = (Kind.OTHER, "application/octet-stream")


def type_of(name: str) -> tuple[Kind, str]:
    """Kind and type of content of a file of this name; case does not matter. A task's own files are text."""
    base = name.rpartition("/")[2].lower()
    if base.startswith(".command") or base in (".exitcode", ".nextflow.log"):
        return Kind.TEXT, "text/plain; charset=utf-8"
    return _TYPES.get(base.rpartition(".")[2], _OTHER) if "." in base else _OTHER


@dataclass(frozen=True, slots=True)
class Shown:
    """What stands in the page: a text, or the rows of a table, the first of which is its head. `cut`: it is not all."""

    text: str | None = None
    rows: tuple[tuple[str, ...], ...] = ()
    cut: bool = False


def shown(kind: Kind, data: bytes, size: int) -> Shown:
    """The beginning `data` of a file of `size` bytes, as it is shown."""
    text, cut = data.decode("utf-8", "replace"), len(data) < size
    if kind is Kind.TABLE and (table := _table(text, cut)):
        return table
    if kind is Kind.JSON and not cut and (pretty := _indented(text)):
        return Shown(pretty)
    return Shown(text, cut=cut)


def _indented(json_text: str) -> str | None:
    """The JSON with a line for each value; None for what is none, or what would grow too long: of 1 MB of brackets in brackets
    the indents alone are 1 GB."""
    pieces: list[str] = []
    size = 0
    try:
        for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(json.loads(json_text)):
            pieces.append(piece)
            size += len(piece)
            if size > _INDENTED_MOST:
                return None
    except (ValueError, RecursionError):
        return None
    return "".join(pieces)


def delimiter_of(line: str) -> str:
    """Which of comma, tab, semicolon and bar divides this first line: the one that stands most often outside of quotes."""
    plain = "".join(part for n, part in enumerate(line.split('"')) if n % 2 == 0)
    return max(_DELIMITERS, key=plain.count)


def _table(text: str, cut: bool) -> Shown | None:
    """None for what is no table."""
    if cut:  # the last line is not whole
        text = text.rpartition("\n")[0]
    text = text.removeprefix("\ufeff")
    rows: list[tuple[str, ...]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text.partition("\n")[0])):
            if len(rows) == _ROWS_MAX:
                return Shown(rows=tuple(rows), cut=True)
            cut = cut or len(row) > _COLUMNS_MAX
            if row:
                rows.append(tuple(row[:_COLUMNS_MAX]))
    except csv.Error:
        return None
    return Shown(rows=tuple(rows), cut=cut) if rows else None
