"""What is held of one failure, and the parts of Nextflow's error reports. Pure; texts are cut, and read once from end to end."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from schemas.statuses import CANCEL_SIGNALS
from schemas.texts.error_texts import plain

#: Characters of a text of the runner, from its start, and of a command's error output, from its end.
TEXT_MOST = 20_000
STDERR_MOST = 16_000
#: Nextflow's word for an exit status that it never learned.
NO_EXIT = 2**31 - 1

#: Headings of an error report, each on a line of its own.
_HEADINGS = (
    "Caused by:",
    "Command executed:",
    "Command exit status:",
    "Command output:",
    "Command error:",
    "Command wrapper:",
    "Work dir:",
    "Container:",
    "Tip:",
)
_SUBJECT = "Error executing process > "


@dataclass(frozen=True, slots=True)
class Report:
    """An error report by its parts; '' where it has none. `subject`: the name of the task that it is about."""

    subject: str = ""
    cause: str = ""
    stderr: str = ""
    exit: int | None = None

    @property
    def has_parts(self) -> bool:
        return bool(self.cause or self.stderr)


def read_report(text: str) -> Report:
    """Pure. The parts of a report of Nextflow's; all empty for another text."""
    text = plain(text[:TEXT_MOST])
    parts = dict(_parts(text))
    exit_status = parts.get("Command exit status:", "").strip()
    return Report(
        subject=_subject(text),
        cause=parts.get("Caused by:", ""),
        stderr=parts.get("Command error:", ""),
        exit=int(exit_status)
        if exit_status.isascii() and exit_status.isdigit() and len(exit_status) < 10
        else None,
    )


def _subject(text: str) -> str:
    line = text[:2000].partition("\n")[0].strip()
    _, found, name = line.partition(_SUBJECT)
    return name.strip().strip("'") if found else ""


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """(heading, the indented lines below it), in order; of a heading that comes twice the last one counts."""
    heading, lines = "", list[str]()
    for line in text.splitlines():
        if line.startswith(_HEADINGS):
            yield heading, "\n".join(lines)
            heading = next(h for h in _HEADINGS if line.startswith(h))
            lines = [line[len(heading) :].strip()]
        else:
            lines.append(line.removeprefix("  "))
    yield heading, "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is held of one failure: of a task, or of the run itself where no task is to blame. Sizes are bytes, times ms.

    `runner_text` is what the runner said of the cause, `tool_text` what the command wrote; both as they are, for a line of them
    is shown. `process` is '' for the run. `nextflow`: whether configuration of Nextflow helps.
    """

    process: str = ""
    exit: int | None = None
    attempt: int = 1
    memory: int | None = None
    peak_memory: int | None = None
    time_limit: int | None = None
    ran: int | None = None
    cpus: float | None = None
    price_model: str = ""
    spot_interruptions: int = 0
    container: str = ""
    cancelled: bool = False
    runner_text: str = ""
    tool_text: str = ""
    nextflow: bool = True


class Texts(NamedTuple):
    """What the runner said of a cause, and what the command wrote."""

    runner: str
    tool: str


def of_texts(message: str, report: Report, whole_report: str, stderr: str = "") -> Texts:
    """Pure. The texts of a failure: a report without parts may be of either, and so may a message."""
    message = plain(message[:TEXT_MOST])
    tool = "\n".join(t for t in (plain(stderr[-STDERR_MOST:]), report.stderr) if t.strip())
    if report.has_parts:
        return Texts(report.cause, tool or message)
    both = f"{message}\n{plain(whole_report[:TEXT_MOST])}"
    return Texts(both, tool or both)


def of_run(
    message: str, whole_report: str, cancelled: bool = False, nextflow: bool = True, stderr: str = ""
) -> Facts:
    """Pure. What its texts alone say of a run that went wrong. `cancelled`: whether its end says that it was."""
    report = read_report(whole_report)
    texts = of_texts(message, report, whole_report, stderr)
    return Facts(
        process=report.subject.partition(" (")[0],
        exit=report.exit,
        cancelled=cancelled or message.strip() in CANCEL_SIGNALS,
        runner_text=texts.runner,
        tool_text=texts.tool,
        nextflow=nextflow,
    )


def last_lines(text: str, lines: int, characters: int) -> str:
    """Pure. The end of a text: at most so many whole lines and characters, without empty lines at its ends."""
    text = text[-characters:] if characters < len(text) else text
    return "\n".join(text.rstrip().splitlines()[-lines:]).strip("\n")
