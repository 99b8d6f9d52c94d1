"""`tracker.yml`: its shape, and its patterns as a table of cases."""

import pytest

from projections.outputs.reports import ReportPattern, matches, patterns_of


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("summary.html", ["summary.html"], ["a/summary.html", "summary.htm", "xsummary.html", "summary.html/x"]),
        ("*.html", ["a.html", ".html"], ["a/b.html", "a.html.gz", "ahtml"]),
        ("results/*.html", ["results/a.html"], ["results/a/b.html", "a.html", "x/results/a.html"]),
        ("results/sample?.csv", ["results/sample1.csv", "results/sampleü.csv"], ["results/sample.csv", "results/sample12.csv"]),
        ("sample?", ["sample1"], ["sample/", "sample"]),
        ("**/VEP/**/summary.html", ["VEP/summary.html", "a/b/VEP/summary.html", "VEP/x/y/summary.html"],
         ["summary.html", "VEP2/summary.html", "a/VEP/x/other.html"]),
        ("**/report.html", ["report.html", "a/report.html", "a/b/c/report.html"], ["a/xreport.html", "report.html/x"]),
        ("results/**", ["results/a", "results/a/b", "results"], ["result", "x/results/a"]),
        ("**", ["a", "a/b/c"], []),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["a", "b", "ab", "a/b/c"]),
        ("a**b", ["ab", "axxb"], ["a/b"]),
        ("*", ["a"], ["a/b"]),
        ("?", ["a", "ü"], ["", "ab", "/"]),
        ("[ab].html", ["[ab].html"], ["a.html"]),
        ("a.b+c(d)|e", ["a.b+c(d)|e"], ["axb+c(d)|e"]),
        ("A.html", ["A.html"], ["a.html"]),
        ("line\nbreak", ["line\nbreak"], ["line"]),
    ],
)  # fmt: skip
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in yes if not matches(pattern, path)] == []
    assert [path for path in no if matches(pattern, path)] == []


def test_a_hostile_pattern_takes_no_longer_than_both_lengths() -> None:
    assert not matches("*a" * 400 + "b", "a" * 1000)
    assert not matches("**/" * 300 + "x", "/".join("y" * 500))


def test_the_file() -> None:
    text = b"""
reports:
  "**/multiqc_report.html": {display: MultiQC}
  results/*.csv:
    display: " Tables "
    mimeType: text/csv
  no-display.html: {}
  7: {display: seven}
  empty.html: {display: ""}
other: [1, 2]
"""
    assert patterns_of(text) == [
        ReportPattern("**/multiqc_report.html", "MultiQC"),
        ReportPattern("results/*.csv", "Tables"),
        ReportPattern("empty.html", "empty.html"),
    ]
    for none in (b"", b"[]", b"reports: []", b"reports:", b"text", b"a: 1"):
        assert patterns_of(none) == [], none
    many = b"reports:\n" + b"".join(b"  f%d: {display: x}\n" % n for n in range(300))
    assert len(patterns_of(many)) == 100


@pytest.mark.parametrize(
    "bad",
    [
        b"a: [",
        b"!!python/object/apply:os.system [ls]",
        b"\xff\xfe\x00",
        b"[" * 5000,
        b"&a [*a, *b]",
        b"!!int ''",
        b"2001-99-99",
    ],
)
def test_what_is_no_yaml_runs_nothing(bad: bytes) -> None:
    with pytest.raises(ValueError, match=r"tracker\.yml is no YAML"):
        patterns_of(bad)
