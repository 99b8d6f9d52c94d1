"""The benchmarks still run: the short form of each that has one. What they measure is nothing to assert."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import BENCHES, with_section

pytestmark = pytest.mark.bench


def test_the_short_form_of_each_runs_and_its_figures_are_kept(tmp_path: Path) -> None:
    into = tmp_path / "RESULTS.md"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--smoke", "--into", str(into)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    page = into.read_text("utf-8")
    assert page.count("\n## ") == sum(b.smoke is not None for b in BENCHES.values()) > 0
    assert all(f"python -m bench.{name}" in page for name, b in BENCHES.items() if b.smoke is not None)
    assert "µs of CPU a record" in page and "10,000 task records" in page


def test_a_section_takes_the_place_of_its_former_self() -> None:
    page = with_section(with_section("# R\n", "`a`", "1\n"), "`b`", "2\n")
    assert page == "# R\n\n## `a`\n\n1\n\n## `b`\n\n2\n"
    assert with_section(page, "`a`", "3\n") == "# R\n\n## `a`\n\n3\n\n## `b`\n\n2\n"
