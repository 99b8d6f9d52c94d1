"""How files are shown, by their names and their first bytes; and what keeping them costs."""

from decimal import Decimal

import pytest

from api.outputs.models import StoragePrices, annual_costs, cost_range
from api.outputs.preview import Kind, delimiter_of, shown, type_of
from schemas.settings import Settings


@pytest.mark.parametrize(
    ("name", "kind", "content_type"),
    [
        ("a/multiqc_report.HTML", Kind.HTML, "text/html; charset=utf-8"),
        ("plot.svg", Kind.IMAGE, "image/svg+xml"),
        ("x.tsv", Kind.TABLE, "text/plain; charset=utf-8"),
        ("x.json", Kind.JSON, "text/plain; charset=utf-8"),
        ("sample.vcf", Kind.TEXT, "text/plain; charset=utf-8"),
        (".command.sh", Kind.TEXT, "text/plain; charset=utf-8"),
        ("work/ab/.exitcode", Kind.TEXT, "text/plain; charset=utf-8"),
        ("x.pdf", Kind.PDF, "application/pdf"),
        ("x.bam", Kind.OTHER, "application/octet-stream"),
        ("html", Kind.OTHER, "application/octet-stream"),
        ("dir.html/x", Kind.OTHER, "application/octet-stream"),
        ("x.html.gz", Kind.OTHER, "application/octet-stream"),
    ],
)
def test_the_name_says_how_a_file_is_shown(name: str, kind: Kind, content_type: str) -> None:
    assert type_of(name) == (kind, content_type)


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [("a,b", ","), ("a\tb,c\td", "\t"), ("a;b;c", ";"), ("a|b", "|"), ('"a,b,c";d;e', ";"), ("a", ",")],
)
def test_what_divides_the_fields(line: str, delimiter: str) -> None:
    assert delimiter_of(line) == delimiter


def test_a_table_is_rows_and_a_cut_one_loses_its_last_line() -> None:
    assert shown(Kind.TABLE, b'\xef\xbb\xbfa;b\n"x;\ny";2\n\n', 17).rows == (("a", "b"), ("x;\ny", "2"))
    part = shown(Kind.TABLE, b"a,b\n1,2\n3,", 100)
    assert part.rows == (("a", "b"), ("1", "2")) and part.cut
    many = shown(Kind.TABLE, b"a\n" * 1500, 3000)
    assert len(many.rows) == 1000 and many.cut
    wide = shown(Kind.TABLE, b"," * 5000, 5000)
    assert len(wide.rows[0]) == 200 and wide.cut
    huge = b"a,b\n" + b"x" * 200_000
    assert shown(Kind.TABLE, huge, len(huge)).text == huge.decode(), "a field that is too long is no table"
    assert shown(Kind.TABLE, b"", 0).text == ""


def test_json_is_pretty_where_it_is_whole_and_right() -> None:
    assert shown(Kind.JSON, b'{"a":["\xc3\xbc"]}', 12).text == '{\n  "a": [\n    "ü"\n  ]\n}'
    for wrong in (b"{", b"[" * 100_000, b"\xff"):
        assert shown(Kind.JSON, wrong, len(wrong)).text == wrong.decode("utf-8", "replace")
    assert shown(Kind.JSON, b"[1", 100).cut


@pytest.mark.parametrize("depth", [100, 450])
def test_indents_do_not_make_a_gigabyte_of_a_megabyte(depth: int) -> None:
    """Of brackets in brackets each line is as long as it is deep: a file of 1 MB became 943 MB."""
    nested = "[" * depth + "]" * depth
    hostile = f"[{','.join([nested] * (2**20 // (2 * depth + 1) - 1))}]".encode()
    assert len(hostile) < 2**20 and shown(Kind.JSON, hostile, len(hostile)).text == hostile.decode()


def test_a_tebibyte_costs_what_a_hand_calculation_says() -> None:
    """At the rates above 500 TB: 1,024 GiB * 0.021 * 12 and 1,024 * 0.004 * 12."""
    low, high = cost_range(
        annual_costs(2**40, StoragePrices(Decimal("0.021"), Decimal("0.0125"), Decimal("0.004")))
    )
    assert (low, high) == ("49.152", "258.048")
    tiers = annual_costs(2**40, StoragePrices.of(Settings()))
    assert (tiers.frequent, tiers.infrequent, tiers.archive_instant) == ("282.624", "153.6", "49.152")
    assert cost_range(annual_costs(0, StoragePrices.of(Settings()))) == ("0", "0")
    assert cost_range(None) == (None, None)
