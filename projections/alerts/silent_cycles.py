"""The sessions of the runs about whose silence an alert is open: a later cycle ends the alerts of those before it. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass, field

from projections.alerts.storage import Cycle

_Place = tuple[int, int, str]


@dataclass
class SilentCycles:
    """`is_silent` says whether an alert about a run's silence is open. Those that have ended are forgotten when their session is
    looked at, so that each costs once, however many cycles a session has."""

    is_silent: Callable[[str], bool]
    _places: dict[tuple[str, ...], dict[str, _Place]] = field(default_factory=dict)

    def note(self, cycle: Cycle) -> None:
        """Remember the run of this cycle, if it is silent."""
        if self.is_silent(cycle.run_id):
            self._places.setdefault(cycle.session, {})[cycle.run_id] = cycle.place

    def before(self, cycle: Cycle) -> list[str]:
        """The runs of the session that are silent and stand before this cycle in it."""
        places = self._places.get(cycle.session)
        if places is None:
            return []
        for run_id in [r for r in places if not self.is_silent(r)]:
            del places[run_id]
        if not places:
            del self._places[cycle.session]
        return [run_id for run_id, place in places.items() if place < cycle.place]
