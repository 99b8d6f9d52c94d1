"""Names that `tracker run` gives to runs of Nextflow, and the address by which it tells the tracker so."""

import re

#: A run that `tracker run` starts reports to addresses that begin with this and the name that was asked for.
LAUNCHED_AS = "/launched-as/"
LONGEST_NAME = 80
#: Nextflow's own rule (its CmdRun): letters and digits, joined by single hyphens or underscores.
RUN_NAME = re.compile(r"[a-z](?:[a-z\d]|[-_](?=[a-z\d])){0,79}", re.IGNORECASE | re.ASCII)

_NUMBERED = re.compile(r"-([1-9][0-9]{0,8})")


def numbered(name: str, cycle: int) -> str:
    """The name for the cycle of this number, within what Nextflow takes: `nightly`, `nightly-2`, `nightly-3`."""
    if cycle == 1:
        return name
    suffix = f"-{cycle}"
    return name[: LONGEST_NAME - len(suffix)].rstrip("-_") + suffix


def is_launched_as(name: str, asked: str) -> bool:
    """Whether `tracker run` names a run so when this name is asked for: as it is, or with the number of a cycle.

    So a run that somebody starts with an address copied from another one is taken as what it is.
    """
    if not RUN_NAME.fullmatch(asked):
        return False
    number = _NUMBERED.fullmatch(name[name.rfind("-") :])
    return name == asked or (number is not None and numbered(asked, int(number[1])) == name)
