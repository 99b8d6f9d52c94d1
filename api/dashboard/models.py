"""What the page for cleaning up asks for and shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from api.core.cursor import INT64_MAX
from api.outputs.models import StorageTiers
from schemas.statuses import RunStatus

_GIB, _TIB = 2**30, 2**40
#: Runs that one address may name.
NAMES_MAX = 200


class Since(StrEnum):
    """Which runs, by when they started."""

    WEEK = "7d"
    MONTH = "30d"
    QUARTER = "90d"
    ALL = "all"

    @property
    def days(self) -> int | None:
        return None if self is Since.ALL else int(self.value.removesuffix("d"))


class Ended(StrEnum):
    """Which runs, by how they ended."""

    ALL = "all"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def statuses(self) -> list[str]:
        ended = [RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.CANCELLED]
        return [s.value for s in ended if self in (Ended.ALL, s.value)]


class LargerThan(StrEnum):
    """Which runs, by what they keep."""

    ANY = "any"
    GIB = "1GiB"
    GIB_100 = "100GiB"
    TIB = "1TiB"

    @property
    def bytes(self) -> int:
        return {LargerThan.ANY: 0, LargerThan.GIB: _GIB, LargerThan.GIB_100: 100 * _GIB}.get(self, _TIB)


class Order(StrEnum):
    """The order of the list. Runs whose size is not known come last in both orders by size."""

    NEWEST = "newest"
    OLDEST = "oldest"
    LARGEST = "largest"
    SMALLEST = "smallest"
    NAME = "name"
    NAME_DOWN = "-name"


@dataclass(frozen=True, slots=True)
class DashboardFilter:
    """Which of the runs that are over. `person`: whose ('': everybody's); with `names` only these, and nothing else counts."""

    person: str = ""
    names: Sequence[str] = field(default=())
    since: Since = Since.MONTH
    status: Ended = Ended.ALL
    label: str = ""
    size: LargerThan = LargerThan.ANY
    search: str = ""

    def parameters(self, now_ms: int) -> Mapping[str, Any]:
        """Pure. Those of the macro `ended_runs`."""
        days = self.since.days
        return {
            "person": self.person,
            "names": list(self.names),
            "after_ms": -INT64_MAX if days is None else now_ms - days * 86_400_000,
            "states": self.status.statuses,
            "label": self.label,
            "larger_than": self.size.bytes,
            "search": self.search.strip(),
        }


@dataclass(frozen=True, slots=True)
class Totals:
    """What the runs of a filter cost and keep together, deleted outputs left out. `cost`: None where no price is known.
    `tiers`: of what lies on S3."""

    runs: int
    cost: str | None
    cost_complete: bool
    currency: str | None
    bytes: int
    files: int
    tiers: StorageTiers | None
    deleted: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What the filter offers."""

    labels: Sequence[str]
    people: Sequence[str]
