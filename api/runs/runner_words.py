"""What runners call things, where a page gives advice about one. Pure."""

from dataclasses import dataclass

from api.runs.resume import is_nextflow


@dataclass(frozen=True, slots=True)
class RunnerWords:
    """`log`: the file where a runner says why it ended, from where it was started; '' where that is not known. `hangs`: what it
    may wait for when no task is left."""

    log: str
    hangs: str


_OTHER = RunnerWords("", "it may wait for something that never comes, or still be writing its results")
_WORDS = {
    "nextflow": RunnerWords(
        ".nextflow.log", "it may wait for a channel that nobody closes, or still be publishing files"
    ),
    "snakemake": RunnerWords(
        ".snakemake/log",
        "it may wait for a job of the cluster that is gone, or for files that a slow disk does not show",
    ),
}


def runner_words(dialect: str, runner_name: str) -> RunnerWords:
    """The words of the runner that reports a run."""
    kind = "nextflow" if is_nextflow(dialect, runner_name) else runner_name.lower()
    return _WORDS.get(kind, _OTHER)
