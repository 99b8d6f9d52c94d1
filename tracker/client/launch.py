"""How `tracker run` starts a runner so that it reports here. Pure but for the words of a new name.

Each is told by its own options and environment, so nothing of the user's configuration is touched. Nextflow: `-name`,
`-with-tower URL` (alone it would ignore the address in the environment) with the name that was asked for in it, and its token.
Snakemake: `--logger runtracker`. miniwdl: its environment alone.
"""

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import PurePath

from api.runs.resume import SESSION
from schemas.run_names import LAUNCHED_AS, LONGEST_NAME, RUN_NAME, numbered
from tracker.errors import NotDone

#: Options of `nextflow` itself, before `run`, that take the next argument.
_WITH_VALUE = frozenset({"-c", "-config", "-C", "-log", "-trace"})
#: What Nextflow wants as a token where the tracker wants none.
_NO_TOKEN = "none"

_ADJECTIVES = "amber brave brisk calm clear eager fresh gentle keen lucid mellow neat plain quick quiet sharp solid steady swift"
_NOUNS = "alder birch brook cedar cliff crane delta dune ember fern finch glade heron larch maple otter ridge river spruce willow"


@dataclass(frozen=True, slots=True)
class Launch:
    """What is to be executed, and the run's name. `environment` is added to the present one. `plugin`: the Python module that the
    runner must have to report; '' where it needs none."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    name: str
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Where the runner is to report, and as what. `taken`: the names that Nextflow has used in this folder, and would refuse.
    `fresh_name`: for a command that brings none. `knows_launches`: whether the tracker takes requests at LAUNCHED_AS."""

    url: str
    token: str
    taken: Collection[str]
    fresh_name: str
    knows_launches: bool = False


def new_name() -> str:
    """A name that is easily said, and hardly ever made twice: 400 pairs of words with 16 bits."""
    adjective, noun = (secrets.choice(words.split()) for words in (_ADJECTIVES, _NOUNS))
    return f"{adjective}-{noun}-{secrets.token_hex(2)}"


def launch(argv: Sequence[str], to: Report) -> Launch:
    """How to start this command so that it reports.

    Raises NotDone for a command that cannot be followed this way, or a name that Nextflow would refuse.
    """
    runner = PurePath(argv[0]).name if argv else ""
    if runner not in _RUNNERS:
        said = " ".join(argv[:2]) or "nothing"
        raise NotDone(f"tracker run starts `nextflow run …`, `snakemake …` or `miniwdl run …`, not {said!r}")
    return _RUNNERS[runner](argv, to)


def _nextflow(argv: Sequence[str], to: Report) -> Launch:
    at = _position_of_run(argv)
    options = list(argv[at + 1 :])
    asked = _value_of("-name", options) or to.fresh_name
    name = free_name(asked, to.taken)
    options = _last_resume_alone(_without("-with-tower", _without("-name", options)))
    address = f"{to.url}{LAUNCHED_AS}{asked}" if to.knows_launches else to.url
    return Launch(
        [*argv[: at + 1], *options, "-name", name, "-with-tower", address],
        {"TOWER_ACCESS_TOKEN": to.token or _NO_TOKEN},
        name,
    )


def _snakemake(argv: Sequence[str], to: Report) -> Launch:
    """`--logger` takes all words up to the next option, and a second one replaces the first: so ours joins those that are there,
    at the end of the options, where no target can follow it."""
    end = argv.index("--") if "--" in argv else len(argv)
    loggers: list[str] = []
    kept: list[str] = []
    takes = False
    for word in argv[:end]:
        takes = takes and not word.startswith("-")
        if word == "--logger":
            takes, loggers = True, []
        elif word.startswith("--logger="):
            loggers = [word.removeprefix("--logger=")]
        else:
            (loggers if takes else kept).append(word)
    loggers = [*(name for name in loggers if name != "runtracker"), "runtracker"]
    name = _value_of("--logger-runtracker-run-name", kept) or to.fresh_name
    prefix = "SNAKEMAKE_LOGGER_RUNTRACKER_"
    return Launch(
        [*kept, "--logger", *loggers, *argv[end:]],
        {f"{prefix}URL": to.url, f"{prefix}TOKEN": to.token, f"{prefix}RUN_NAME": name},
        name,
        "snakemake_logger_plugin_runtracker",
    )


def _miniwdl(argv: Sequence[str], to: Report) -> Launch:
    """It has no option for any of this: its environment says it."""
    if "run" not in argv[1:]:
        raise NotDone("there is no `run` in the command: tracker run starts `miniwdl run …`")
    prefix = "MINIWDL__RUNTRACKER__"
    environment = {f"{prefix}URL": to.url, f"{prefix}TOKEN": to.token, f"{prefix}RUN_NAME": to.fresh_name}
    return Launch(argv, environment, to.fresh_name, "miniwdl_runtracker")


_RUNNERS: Mapping[str, Callable[[Sequence[str], Report], Launch]] = {
    "nextflow": _nextflow,
    "nextflow.sh": _nextflow,
    "snakemake": _snakemake,
    "miniwdl": _miniwdl,
}


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or where it is taken the name with the number of the next cycle: `nightly`, `nightly-2`, `nightly-3`."""
    if not RUN_NAME.fullmatch(name):
        raise NotDone(
            f"{name!r} is no name that Nextflow takes: a letter, then up to {LONGEST_NAME - 1} letters and digits, "
            "joined by single hyphens or underscores"
        )
    return next(free for cycle in count(1) if (free := numbered(name, cycle)) not in taken)


def names_in_history(history: str) -> set[str]:
    """The run names in Nextflow's `.nextflow/history`: the third of its columns, which tabs part."""
    rows = (line.split("\t") for line in history.splitlines())
    return {row[2] for row in rows if len(row) > 2}


def _position_of_run(argv: Sequence[str]) -> int:
    """Where `run` stands among the arguments of `nextflow`."""
    at = 1
    while at < len(argv) and argv[at] != "run":
        at += 2 if argv[at] in _WITH_VALUE else 1
    if at >= len(argv):
        raise NotDone("there is no `run` in the command: tracker run starts `nextflow run …`")
    return at


def _value_of(option: str, options: Sequence[str]) -> str:
    """The value of an option, the last if it stands more than once; '' where it does not."""
    return next((v for o, v in reversed(list(pairwise(options))) if o == option), "")


def _last_resume_alone(options: Sequence[str]) -> list[str]:
    """The options with their last `-resume` alone: Nextflow takes one, and a line that was gone on with already has it."""
    if "-resume" not in options:
        return list(options)
    last = len(options) - 1 - options[::-1].index("-resume")
    before = _without("-resume", options[:last], lambda value: SESSION.fullmatch(value) is not None)
    return [*before, *options[last:]]


def _without(
    option: str,
    options: Sequence[str],
    is_value: Callable[[str], bool] = lambda word: not word.startswith("-"),
) -> list[str]:
    """The options without this one and its value, if the next one is one."""
    kept: list[str] = []
    at = 0
    while at < len(options):
        if options[at] != option:
            kept.append(options[at])
            at += 1
            continue
        has_value = at + 1 < len(options) and is_value(options[at + 1])
        at += 2 if has_value else 1
    return kept
