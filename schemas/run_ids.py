"""The forms of the ids that the tracker derives, which no client chooses and hardly any name has."""

import re

#: Crockford's alphabet in lower case: no i, l, o, u, and it sorts as ASCII does.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

_DERIVED = re.compile(rf"[{ALPHABET}]{{16}}")
#: Of a run of which no request says when it was created: its executions have the same one, with a number from the second on.
_UNTIMED = re.compile(rf"(w[{ALPHABET}]{{15}})(?:-[1-9][0-9]{{0,8}})?")


def is_derived(ref: str) -> bool:
    """Whether it has the form of a derived id: 16 characters of the alphabet, then the number of a later execution.
    `happy_turing` and `nightly` have not."""
    return _DERIVED.fullmatch(ref) is not None or _UNTIMED.fullmatch(ref) is not None


def is_base(run_id: str) -> bool:
    """Whether it may be the id that several executions of a weblog run come under."""
    return len(run_id) == 16 and _UNTIMED.fullmatch(run_id) is not None


def execution_id(base: str, number: int) -> str:
    """The id of an execution of a weblog run: the first has the base itself."""
    return base if number == 1 else f"{base}-{number}"


def log_key(run_id: str) -> str:
    """The key of messages about the run: one for all executions of a base, so that they lie in one partition of the log."""
    match = _UNTIMED.fullmatch(run_id)
    return match[1] if match else run_id
