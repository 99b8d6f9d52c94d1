"""Who is told of what: the rules file (JSON or TOML) and the settings, checked as a whole before anything starts."""

import fnmatch
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from projections.alerts.addresses import check_url
from schemas.settings import Settings
from schemas.statuses import AlertKind

#: The receiver that TRACKER_ALERT_WEBHOOK makes.
WEBHOOK = "webhook"

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,50}$")]


@dataclass(frozen=True, slots=True)
class Facts:
    """What rules know of a run.

    `error`: what its runner says of a failure; `cause`: what the diagnosis says. `resumed_at`: when the log first had a later
    cycle of its session (append time, ms).
    """

    name: str = ""
    repository: str = ""
    labels: tuple[str, ...] = ()
    error: str = ""
    cause: str = ""
    hidden: bool = False
    resumed_at: int | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Receiver(_Strict):
    """Where messages go. `secret` signs the body of a webhook."""

    type: Literal["webhook", "slack"] = "webhook"
    url: SecretStr
    secret: SecretStr | None = None


class Rule(_Strict):
    """Which alerts go where. A filter on runs lets no alert pass that is about the tracker itself.

    `name` and `repository` are patterns with * and ?; a run must have all of `labels`.
    """

    kinds: list[AlertKind] = Field(list(AlertKind), min_length=1)
    labels: list[str] = []
    name: str = ""
    repository: str = ""
    delay_seconds: float = Field(0, ge=0, le=7 * 86_400)
    receivers: list[_Name] = Field(min_length=1)

    def takes(self, kind: AlertKind, runs: Sequence[Facts]) -> bool:
        """Whether an alert of this kind about any of these runs passes; no run stands for the tracker itself."""
        if kind not in self.kinds:
            return False
        if not (self.labels or self.name or self.repository):
            return True
        return any(
            set(self.labels) <= set(f.labels)
            and (not self.name or fnmatch.fnmatchcase(f.name, self.name))
            and (not self.repository or fnmatch.fnmatchcase(f.repository, self.repository))
            for f in runs
        )


class Rules(_Strict):
    """The file. Every receiver that a rule names must be there."""

    receivers: dict[_Name, Receiver] = {}
    rules: list[Rule] = []

    @model_validator(mode="after")
    def _receivers_are_known(self) -> "Rules":
        for rule in self.rules:
            for name in rule.receivers:
                if name not in self.receivers:
                    known = ", ".join(self.receivers) or "none"
                    raise ValueError(f"there is no receiver {name!r}; receivers are: {known}")
        return self

    def delays(self, kind: AlertKind, runs: Sequence[Facts] = ()) -> dict[str, int]:
        """Receiver → how many ms an alert must last before it is told; of several rules the quickest counts."""
        found: dict[str, int] = {}
        for rule in self.rules:
            if rule.takes(kind, runs):
                delay = round(rule.delay_seconds * 1000)
                found |= {r: min(delay, found.get(r, delay)) for r in rule.receivers}
        return found


def load(settings: Settings) -> Rules:
    """The rules of the settings. Raises ValueError, and OSError for a file that cannot be read, saying what is wrong."""
    rules = _read(settings.alert_rules) if settings.alert_rules else Rules()
    if url := settings.alert_webhook.get_secret_value():
        if WEBHOOK in rules.receivers:
            raise ValueError(
                f"{settings.alert_rules}: TRACKER_ALERT_WEBHOOK makes the receiver {WEBHOOK!r}: call the file's otherwise"
            )
        ours = Receiver(url=SecretStr(url))
        rules = Rules(
            receivers={**rules.receivers, WEBHOOK: ours},
            rules=[*rules.rules, Rule(receivers=[WEBHOOK])],
        )
    for name, receiver in rules.receivers.items():
        try:
            check_url(receiver.url.get_secret_value(), settings.alert_allow_private)
        except ValueError as e:
            raise ValueError(f"alert receiver {name!r}: {e}") from e
    return rules


def secret_of(receiver: Receiver, settings: Settings) -> bytes:
    """What signs the body; empty for a body that is not signed."""
    secret = receiver.secret or settings.alert_secret
    return secret.get_secret_value().encode()


def _read(path: Path) -> Rules:
    text = path.read_text("utf-8")
    try:
        content: Mapping[str, Any] = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as e:
        raise ValueError(f"{path} is neither JSON nor, with the ending .toml, TOML: {e}") from e
    try:
        return Rules.model_validate(content)
    except ValidationError as e:
        # Without the input, which holds secrets.
        wrong = "; ".join(
            f"{'.'.join(map(str, x['loc'])) or 'file'}: {x['msg'].removeprefix('Value error, ')}"
            for x in e.errors(include_input=False, include_url=False)
        )
        raise ValueError(f"{path}: {wrong}") from None
