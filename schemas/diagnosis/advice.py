"""Configuration of Nextflow to paste, made of what failed. Pure. A name that Nextflow could not have given is never written."""

from schemas.diagnosis.facts import Facts
from schemas.texts.nextflow_config import GIB, HOUR_MS, in_process_scope, memory_text, of_process, time_text

_RETRY_EXITS = "((130..145) + 104)"


def block(facts: Facts, *lines: str) -> str | None:
    """Pure. The lines for the process of these facts; None where they would not help."""
    return in_process_scope(of_process(facts.process, lines)) if facts.nextflow else None


def _retry(facts: Facts) -> tuple[str, str]:
    by_exit = facts.exit is not None and (130 <= facts.exit <= 145 or facts.exit == 104)
    strategy = f"{{ task.exitStatus in {_RETRY_EXITS} ? 'retry' : 'finish' }}" if by_exit else "'retry'"
    return f"errorStrategy = {strategy}", "maxRetries = 2"


def more_memory(facts: Facts) -> str | None:
    """Pure. Twice what was asked for, and more with each attempt; where nobody asked, twice the peak, else 8 GB."""
    needed = 2 * max(facts.memory or 0, facts.peak_memory or 0) or 8 * GIB
    return block(facts, f"memory = {{ {memory_text(needed)} * task.attempt }}", *_retry(facts))


def more_time(facts: Facts) -> str | None:
    """Pure. Twice the limit, and more with each attempt; without a limit twice what it ran, else 8 hours."""
    needed = 2 * (facts.time_limit or facts.ran or 0) or 8 * HOUR_MS
    return block(facts, f"time = {{ {time_text(needed)} * task.attempt }}", *_retry(facts))


def retry(facts: Facts) -> str | None:
    """Pure. The same once more."""
    return block(facts, "errorStrategy = 'retry'", "maxRetries = 3")


def limits(facts: Facts) -> str | None:
    """Pure. No more than what the message says is there."""
    if not facts.nextflow:
        return None
    _, found, rest = facts.runner_text.partition("avail:")
    words = rest[:60].split()[:2] if found else []
    number = words[0] if words and words[0].replace(".", "", 1).isdigit() and words[0].isascii() else ""
    unit = words[1].strip(".,;()").upper() if len(words) > 1 else ""
    if number and "cpus" in facts.runner_text.lower()[:TEXT_OF_KIND]:
        return f"process.resourceLimits = [ cpus: {number.partition('.')[0]} ]"
    if number and unit in ("MB", "GB", "TB"):
        return f"process.resourceLimits = [ memory: {number}.{unit} ]"
    return "process.resourceLimits = [ cpus: 4, memory: 16.GB, time: 24.h ]"


#: Where a message says what of it is too much.
TEXT_OF_KIND = 4000


def spot_retries(facts: Facts) -> str | None:
    """Pure. Attempts after a machine was taken away, at both clouds that have such a setting."""
    return "aws.batch.maxSpotAttempts = 5\ngoogle.batch.maxSpotAttempts = 5" if facts.nextflow else None


def optional_output(facts: Facts) -> str | None:
    """Pure. What stands in the process's output when it may make nothing."""
    return (
        "path('*.txt', optional: true)   // in the output of the process, where it may make nothing"
        if facts.nextflow
        else None
    )


def container(facts: Facts) -> str | None:
    """Pure. Another image for the process."""
    return block(facts, "container = 'REGISTRY/NAME:TAG'")


def scratch(facts: Facts) -> str | None:
    """Pure. A larger disk for work files."""
    return block(facts, "scratch = '/path/with/space'") if facts.process else None


def queue(facts: Facts) -> str | None:
    """Pure. Another queue."""
    return block(facts, "queue = 'NAME'")


def conda(facts: Facts) -> str | None:
    """Pure. More time, for all environments."""
    return "conda.createTimeout = '1 h'" if facts.nextflow else None


def pull_timeout(facts: Facts) -> str | None:
    """Pure. More time for images that are large."""
    return "singularity.pullTimeout = '2 h'\napptainer.pullTimeout = '2 h'" if facts.nextflow else None
