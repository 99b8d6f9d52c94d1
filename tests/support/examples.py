"""How many examples a property is tried with."""

from hypothesis import settings


def examples(in_suite: int) -> int:
    """So many in the suite, where they are the same each time; with new seeds, in `make fuzz`, as many times more as that profile
    allows."""
    return in_suite * settings().max_examples // _IN_SUITE


def stride(in_suite: int) -> int:
    """In the suite each so-many-th of the steps at which something may go wrong is tried, each of them in `make fuzz`."""
    return in_suite if settings().max_examples == _IN_SUITE else 1


#: What the suite's profile has, which is hypothesis' own default.
_IN_SUITE = 100
