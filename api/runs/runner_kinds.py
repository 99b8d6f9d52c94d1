"""The runners whose words we know: what each calls things, and how its runs are gone on with. One row of a table each. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from api.runs import resume
from api.runs.resume import Started


def _never(_: Started) -> None:
    return None


@dataclass(frozen=True, slots=True)
class RunnerKind:
    """`name`: nextflow, snakemake, miniwdl or other.

    `process`, `tag`: what it calls what we call a process, and what tells its tasks apart. `log`: the file where it says why
    it ended, from where it was started; '' where that is not known. `published_log`: how the name of the log ends that a run has
    in its output folder. `launch_log`: a pattern of the logs that it keeps below the folder where it was started;
    `names_run`: whether one says which run it is of. `hangs`: what it may wait for when no task is left. `params_option`: takes
    the parameters as a file.
    `resume_argument` and `resume_line`: what goes on with a run, as an argument and as a whole command; None where nothing does.
    """

    name: str = "other"
    process: str = "Process"
    processes: str = "Processes"
    tag: str = "Tag"
    log: str = ""
    hangs: str = "it may wait for something that never comes, or still be writing its results"
    published_log: str = ".nextflow.log"
    launch_log: str = ".nextflow.log*"
    names_run: bool = True
    params_option: str = ""
    resume_argument: Callable[[Started], str | None] = _never
    resume_line: Callable[[Started], str | None] = _never


_OTHER = RunnerKind()
_KINDS = {
    "nextflow": RunnerKind(
        name="nextflow",
        log=".nextflow.log",
        hangs="it may wait for a channel that nobody closes, or still be publishing files",
        params_option="-params-file",
        resume_argument=resume.nextflow_argument,
        resume_line=resume.nextflow_line,
    ),
    "snakemake": RunnerKind(
        name="snakemake",
        process="Rule",
        processes="Rules",
        tag="Wildcards",
        log=".snakemake/log",
        launch_log=".snakemake/log/*.snakemake.log",
        names_run=False,
        hangs="it may wait for a job of the cluster that is gone, or for files that a slow disk does not show",
        params_option="--configfile",
        resume_argument=resume.snakemake_argument,
        resume_line=resume.snakemake_line,
    ),
    "miniwdl": RunnerKind(
        name="miniwdl",
        process="Task",
        processes="Tasks of the WDL",
        tag="Call",
        log="workflow.log",
        published_log="workflow.log",
        hangs="it may wait for a container that does not start, or still be linking its outputs",
        params_option="--input",
    ),
}


def runner_kind(dialect: str, runner_name: str) -> RunnerKind:
    """The kind of the runner that reports a run."""
    kind = "nextflow" if resume.is_nextflow(dialect, runner_name) else runner_name.lower()
    return _KINDS.get(kind, _OTHER)
