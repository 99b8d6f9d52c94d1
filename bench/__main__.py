"""All benchmarks, or those that are named, one after the other: python -m bench [NAME …] [--smoke] [--into FILE]

Each runs in a process of its own. What it prints stands afterwards in bench/RESULTS.md under its command, in place of what it
printed the last time; the others keep what they have. With `--smoke` those that can be short run, and say nothing about speed.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
_TITLE = "# Results\n\nWhat each benchmark printed last, by `python -m bench`; [README.md](README.md) says what they measure.\n"


@dataclass(frozen=True)
class Bench:
    """`runs`: the arguments of each of its runs; `smoke`: those that make it short, None where nothing does."""

    runs: tuple[str, ...] = ("",)
    smoke: str | None = None
    prints_markdown: bool = False


BENCHES: Mapping[str, Bench] = {
    "hot_path": Bench(smoke="--rounds 1"),
    "throughput": Bench(prints_markdown=True),
    "freshness": Bench(),
    "growth": Bench(smoke="--seconds 0.1 --tasks 100 --live --runs"),
    "replay": Bench(smoke="--days 0.01 --records 10000"),
    "cost": Bench(smoke="--quick"),
    "lists": Bench(("", "--server")),
    "pages": Bench(("", "--server")),
    "alerts": Bench(),
    "outputs": Bench(),
    "memory": Bench(),
}


def main() -> None:
    """Run them, and write what they print. Exits with 1 if one fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--smoke", action="store_true", help="those that can be short, in a minute")
    parser.add_argument("--into", type=Path, default=RESULTS, help="the file that gets the results")
    asked = parser.parse_args()
    if unknown := [n for n in asked.names if n not in BENCHES]:
        parser.error(f"no benchmark is called {unknown[0]!r}: there are {', '.join(BENCHES)}")
    failed = []
    for name in asked.names or BENCHES:
        bench = BENCHES[name]
        for arguments in (bench.smoke,) if asked.smoke else bench.runs:
            if arguments is None:
                continue
            command = f"python -m bench.{name} {arguments}".strip()
            print(f"--- {command}", flush=True)
            began, moment = time.monotonic(), datetime.now(UTC)
            code, printed = run([sys.executable, "-m", f"bench.{name}", *arguments.split()])
            if code:
                failed.append(f"{command} ended with {code}")
                continue
            said = printed if bench.prints_markdown else f"```text\n{printed.rstrip()}\n```\n"
            head = f"{moment:%Y-%m-%d %H:%M} UTC, {time.monotonic() - began:.0f} s.\n\n"
            old = asked.into.read_text("utf-8") if asked.into.exists() else _TITLE
            asked.into.write_text(with_section(old, f"`{command}`", head + said), "utf-8")
    sys.exit("\n".join(failed) or 0)


def run(command: list[str]) -> tuple[int, str]:
    """Its exit code and what it printed, which is shown meanwhile."""
    printed = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as child:
        assert child.stdout is not None
        for line in child.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    return child.returncode, "".join(printed)


def with_section(page: str, heading: str, text: str) -> str:
    """Pure. The page with this section in place of the one of the same heading, or after all others."""
    head, *sections = page.split("\n## ")
    section = f"{heading}\n\n{text}"
    places = [n for n, s in enumerate(sections) if s.partition("\n")[0] == heading]
    if places:
        sections[places[0]] = section
    else:
        sections.append(section)
    return "\n## ".join([head, *(s.rstrip("\n") + "\n" for s in sections)])


if __name__ == "__main__":
    main()
