"""What `tracker run` executes, and under which name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.client.launch import Report, free_name, launch, names_in_history, new_name
from tracker.errors import NotDone

URL = "http://t.example"
ID = "4dc656d2-c410-44c8-bc32-7dd0ea87bebf"
HISTORY = (
    "2026-01-01 10:00:00\t3s\tnightly\tOK\tabc\t1-2-3\tnextflow run x\n"
    "2026-01-02 10:00:00\t-\tnightly-2\tERR\tabc\t1-2-3\tnextflow run x -resume\nbroken\n"
)


def started(command: str, taken: str = "", token: str = "") -> list[str]:
    return list(launch(command.split(), Report(URL, token, names_in_history(taken), "calm-otter-1a2b")).argv)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("nextflow run p", "nextflow run p -name calm-otter-1a2b -with-tower URL"),
        ("/opt/nextflow run p --x 1", "/opt/nextflow run p --x 1 -name calm-otter-1a2b -with-tower URL"),
        ("nextflow -log run run p", "nextflow -log run run p -name calm-otter-1a2b -with-tower URL"),
        ("nextflow run p -name mine -r main", "nextflow run p -r main -name mine -with-tower URL"),
        ("nextflow run p -with-tower", "nextflow run p -name calm-otter-1a2b -with-tower URL"),
        ("nextflow run p -with-tower http://o -resume", "nextflow run p -resume -name calm-otter-1a2b -with-tower URL"),
        ("nextflow run p -resume 1-2-3 -name nightly", "nextflow run p -resume 1-2-3 -name nightly-3 -with-tower URL"),
        (f"nextflow run -resume p -resume {ID} -name nightly -resume {ID} -name nightly",
         f"nextflow run p -resume {ID} -name nightly-3 -with-tower URL"),
    ],
)  # fmt: skip
def test_what_is_executed(command: str, argv: str) -> None:
    assert started(command, HISTORY) == argv.replace("URL", URL).split()


def test_a_tracker_that_knows_it_is_told_the_name_that_was_asked_for() -> None:
    report = Report(URL, "", names_in_history(HISTORY), "calm-otter-1a2b", knows_launches=True)
    for options, name, asked in (
        ("", "calm-otter-1a2b", "calm-otter-1a2b"),
        ("-resume 1-2-3 -name nightly", "nightly-3", "nightly"),
    ):
        plan = launch(["nextflow", "run", "p", *options.split()], report)
        assert plan.name == name and plan.argv[-2:] == ["-with-tower", f"{URL}/launched-as/{asked}"]


def test_the_token_goes_by_the_environment_alone() -> None:
    plan = launch(["nextflow", "run", "p"], Report(URL, "trk_secret", (), "n"))
    assert plan.environment == {"TOWER_ACCESS_TOKEN": "trk_secret"} and "trk_secret" not in plan.argv
    assert launch(["nextflow", "run", "p"], Report(URL, "", (), "n")).environment["TOWER_ACCESS_TOKEN"]


@pytest.mark.parametrize(
    "command", ["", "nextflow", "nextflow pull p", "cwltool w.cwl", "nextflow run p -name 1st"]
)
def test_what_cannot_be_followed_is_said(command: str) -> None:
    with pytest.raises(NotDone, match=r"tracker run starts|no name that Nextflow takes"):
        started(command)


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        ("snakemake", "snakemake --logger runtracker"),
        ("/opt/snakemake all -c 4", "/opt/snakemake all -c 4 --logger runtracker"),
        ("snakemake --logger rich snkmt -c 4 all", "snakemake -c 4 all --logger rich snkmt runtracker"),
        ("snakemake --logger rich --logger snkmt -n", "snakemake -n --logger snkmt runtracker"),
        ("snakemake --logger=rich all", "snakemake all --logger rich runtracker"),
        ("snakemake --logger runtracker", "snakemake --logger runtracker"),
        ("snakemake --config a=1 b=2 -- all", "snakemake --config a=1 b=2 --logger runtracker -- all"),
        ("snakemake --logger-rich-x y all", "snakemake --logger-rich-x y all --logger runtracker"),
    ],
)  # fmt: skip
def test_our_logger_joins_those_of_snakemake(command: str, argv: str) -> None:
    assert started(command) == argv.split()


def test_snakemake_is_told_where_by_the_environment() -> None:
    plan = launch(["snakemake"], Report(URL, "trk_1", (), "n"))
    assert plan.plugin == "snakemake_logger_plugin_runtracker" and plan.name == "n"
    assert plan.environment == {
        "SNAKEMAKE_LOGGER_RUNTRACKER_URL": URL,
        "SNAKEMAKE_LOGGER_RUNTRACKER_TOKEN": "trk_1",
        "SNAKEMAKE_LOGGER_RUNTRACKER_RUN_NAME": "n",
    }
    named = launch(["snakemake", "--logger-runtracker-run-name", "mine"], Report(URL, "", (), "n"))
    assert named.name == "mine"


def test_miniwdl_is_told_by_the_environment_alone() -> None:
    plan = launch(["miniwdl", "run", "w.wdl"], Report(URL, "trk_1", (), "n"))
    assert list(plan.argv) == ["miniwdl", "run", "w.wdl"] and plan.plugin == "miniwdl_runtracker"
    assert plan.environment == {
        "MINIWDL__RUNTRACKER__URL": URL,
        "MINIWDL__RUNTRACKER__TOKEN": "trk_1",
        "MINIWDL__RUNTRACKER__RUN_NAME": "n",
    }
    with pytest.raises(NotDone, match="no `run`"):
        launch(["miniwdl", "check", "w.wdl"], Report(URL, "", (), "n"))


@given(
    st.from_regex(r"[a-z]([a-z0-9]|[-_][a-z0-9]){0,78}", fullmatch=True).filter(lambda n: len(n) <= 80),
    st.integers(0, 12),
)
def test_a_taken_name_gets_the_number_of_its_cycle(name: str, cycles: int) -> None:
    taken: set[str] = set()
    for _ in range(cycles):
        taken.add(free_name(name, taken))
    assert len(taken) == cycles and all(
        free_name(n, ()) == n for n in taken
    )  # each is one that Nextflow takes


def test_a_new_name_is_one_that_nextflow_takes() -> None:
    names = {new_name() for _ in range(100)}
    assert len(names) > 90 and all(free_name(n, ()) == n for n in names)
