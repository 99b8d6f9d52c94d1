"""Who may do what: the one place that decides, used by ingest and api alike. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a token, or a person whom a proxy names, is allowed."""

    RUNNER = "runner"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


class Act(StrEnum):
    """What a request wants to do. Every route needs one of these, or is public."""

    REPORT = "report"  # send events, as a runner does
    READ = "read"
    CHANGE_RUN = "change_run"  # notes, labels, hiding: whatever is about one run and can be undone
    OPERATE = "operate"  # alerts, dead letters: whatever is about the tracker
    DELETE_OUTPUTS = "delete_outputs"  # of one run, for good
    DESTROY = "destroy"  # what cannot be undone
    TOKENS = "tokens"


class How(StrEnum):
    """How a caller was recognised."""

    OPEN = "open"  # no token has been made: whoever reaches the address
    TOKEN = "token"
    COOKIE = "cookie"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `name` is whom the token belongs to, '' while the tracker is open; `key` tells callers apart."""

    name: str
    role: Role
    how: How
    key: str

    @property
    def by_browser(self) -> bool:
        """Whether a browser adds by itself what the caller is recognised by, so that another site could make it ask."""
        return self.how in (How.COOKIE, How.PROXY)


_RIGHTS: dict[Role, frozenset[Act]] = {
    Role.RUNNER: frozenset({Act.REPORT}),
    Role.VIEWER: frozenset({Act.READ}),
    Role.OPERATOR: frozenset({Act.REPORT, Act.READ, Act.CHANGE_RUN, Act.OPERATE}),
    Role.ADMIN: frozenset(Act),
}

#: What the owner of a run may do to it. Not with a runner's token: every task of a pipeline can read that.
_OWNERS = frozenset({Act.CHANGE_RUN, Act.DELETE_OUTPUTS})


def may(who: Caller | None, act: Act, owner: str | None = None) -> bool:
    """Whether they may. `owner` is the owner of the run that the act is about, where it is about one that has an owner.

    While the tracker is open everybody may do everything.
    """
    if who is None:
        return False
    if act in _RIGHTS[who.role]:
        return True
    owns = bool(who.name) and who.name == owner
    return owns and act in _OWNERS and who.role is not Role.RUNNER


def may_report_on(run_owner: str, owner: str, on_any_run: bool) -> bool:
    """Whether what came with a token of `owner` counts for a run of `run_owner`. '' is nobody: the tracker was open, or it is no
    runner that speaks. A run of nobody may be gone on with by whoever may report.

    `on_any_run`: the sender may change every run, as operators may.
    """
    return on_any_run or not owner or not run_owner or owner == run_owner


def anybody(peer: str) -> Caller:
    """The caller while the tracker is open."""
    return Caller("", Role.ADMIN, How.OPEN, f"peer:{peer}")
