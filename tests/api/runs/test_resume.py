"""How a run is gone on with: the argument, and the whole command ready to paste."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.runs.resume import Started, is_nextflow, nextflow_argument, nextflow_line, snakemake_line
from api.runs.runner_kinds import runner_kind

ID = "4dc656d2-c410-44c8-bc32-7dd0ea87bebf"
OTHER = "00000000-0000-0000-0000-000000000000"
TRACKER = "-with-tower http://t.example/launched-as/nightly"


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("nextflow run lab/flow", f"nextflow run lab/flow -resume {ID}"),
        ("nextflow run lab/flow -resume", f"nextflow run lab/flow -resume {ID}"),
        ("nextflow run lab/flow -resume last -ansi-log false", f"nextflow run lab/flow -ansi-log false -resume {ID}"),
        ("nextflow run -resume lab/flow", f"nextflow run lab/flow -resume {ID}"),
        (f"nextflow run lab/flow -resume {OTHER} -name mad_mayer", f"nextflow run lab/flow -resume {ID}"),
        ("nextflow run -resume -name mad_mayer lab/flow -resume", f"nextflow run lab/flow -resume {ID}"),
        (f"nextflow run lab/flow {TRACKER}", f"nextflow run lab/flow {TRACKER} -resume {ID}"),
        ("nextflow run f.nf --a 'b c' --x '$HOME;rm'", f"nextflow run f.nf --a 'b c' --x '$HOME;rm' -resume {ID}"),
        ("nextflow run flow.nf --token [redacted]", None),
        ("nextflow run flow.nf --x 'unclosed", None),
        ("nextflow run a\nrm -rf /", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_whole_command(command: str, line: str | None) -> None:
    assert nextflow_line(Started(ID, command)) == line


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (f"nextflow run f.nf -name nightly-2 {TRACKER}", f"tracker run -- nextflow run f.nf -resume {ID} -name nightly"),
        (f"nextflow -q run f.nf -resume {OTHER} -name nightly {TRACKER} --x 'a b'",
         f"tracker run -- nextflow -q run f.nf --x 'a b' -resume {ID} -name nightly"),
        ("nextflow run f.nf -with-weblog http://lab/log -with-tower",
         f"tracker run -- nextflow run f.nf -with-weblog http://lab/log -with-tower -resume {ID} -name nightly"),
        ("nextflow run f.nf --token [redacted]", None),
    ],
)  # fmt: skip
def test_the_whole_command_of_a_run_that_tracker_run_started(command: str, line: str | None) -> None:
    run = Started(ID, command, "nightly")
    assert nextflow_line(run) == line
    assert nextflow_argument(run) == f"-resume {ID} -name nightly"


@given(st.lists(st.text(), max_size=6))
def test_what_is_pasted_is_one_command_of_the_same_words(words: list[str]) -> None:
    command = shlex.join(["nextflow", "run", *words])
    line = nextflow_line(Started(ID, command))
    if line is None or {"-name", "-resume"} & set(words):
        return
    assert shlex.split(line) == ["nextflow", "run", *words, "-resume", ID]


def test_a_session_is_quoted() -> None:
    assert nextflow_argument(Started("odd s'id $(id)", "")) == "-resume 'odd s'\"'\"'id $(id)'"


@pytest.mark.parametrize(
    ("dialect", "name", "nextflow"),
    [("tower", "", True), ("weblog", "", True), ("native", "nextflow", True), ("native", "", False),
     ("native", "airflow", False)],
)  # fmt: skip
def test_only_nextflow_resumes_like_this(dialect: str, name: str, nextflow: bool) -> None:
    assert is_nextflow(dialect, name) == nextflow


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("/opt/bin/snakemake -c 4 --config 'a=b c'", "/opt/bin/snakemake -c 4 --config 'a=b c' --rerun-incomplete"),
        ("snakemake --rerun-incomplete all", "snakemake all --rerun-incomplete"),
        ("snakemake --config token=[redacted]", None),
        ("/env/site-packages/snakemake/__main__.py -c 1", None),
        ("", None),
    ],
)  # fmt: skip
def test_snakemake_makes_anew_what_was_cut_off(command: str, line: str | None) -> None:
    assert snakemake_line(Started(ID, command)) == line


@pytest.mark.parametrize(
    ("runner", "process", "argument"),
    [("snakemake", "Rule", "--rerun-incomplete"), ("Snakemake", "Rule", "--rerun-incomplete"), ("miniwdl", "Task", None),
     ("nextflow", "Process", f"-resume {ID}"), ("airflow", "Process", None), ("", "Process", None)],
)  # fmt: skip
def test_each_runner_in_its_own_words(runner: str, process: str, argument: str | None) -> None:
    kind = runner_kind("native", runner)
    assert (kind.process, kind.resume_argument(Started(ID, ""))) == (process, argument)
    launched = kind.resume_argument(Started(ID, "", "nightly"))
    assert launched == (f"{argument} -name nightly" if kind.name == "nextflow" else argument)
