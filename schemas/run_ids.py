"""The form of the ids that ingest derives, which no client chooses and hardly any name has."""

import re

#: Crockford's alphabet in lower case: no i, l, o, u, and it sorts as ASCII does.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

_DERIVED = re.compile(rf"[{ALPHABET}]{{16}}")


def is_derived(ref: str) -> bool:
    """Whether it has the form of a derived id: 16 characters of the alphabet. `happy_turing` and `nightly` have not."""
    return _DERIVED.fullmatch(ref) is not None
