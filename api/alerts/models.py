"""What is asked and answered about alerts."""

from pydantic import BaseModel, ConfigDict, Field

from api.core.models import Time
from schemas.statuses import AlertKind, AlertState
from schemas.values import Ms, Person


class Delivery(BaseModel):
    """When a receiver took the messages; null: it has not, or there is none yet."""

    receiver: str
    firing_at: Time | None
    resolved_at: Time | None


class Alert(BaseModel):
    """One episode of something wrong. `run_id` is null where it is not about one run."""

    id: str
    kind: AlertKind
    run_id: str | None
    run_name: str | None
    state: AlertState
    since: Time
    fired_at: Time | None
    resolved_at: Time | None
    summary: str
    group_id: str | None = Field(description="The alert about many runs that tells of this one")
    acknowledged_at: Time | None
    acknowledged_by: str | None
    assigned_to: str | None = Field(description="Who was asked last to look after it")
    silenced_until: Time | None
    deliveries: list[Delivery]


class AlertList(BaseModel):
    """Alerts, newest first."""

    alerts: list[Alert]
    next_page_token: str | None


class Acknowledgement(BaseModel):
    """Who has seen it; may be left out, and means nothing where the caller is known."""

    model_config = ConfigDict(extra="forbid")

    by: Person = ""


class Silence(BaseModel):
    """Nobody is told before `until` that it, or the next of the same, fires; a time that is past ends the silence."""

    model_config = ConfigDict(extra="forbid")

    until: Ms = Field(description="RFC 3339, or ms since 1970")
    by: Person = ""


class Assignment(BaseModel):
    """Who is to look after it; '' is nobody."""

    model_config = ConfigDict(extra="forbid")

    to: Person
    by: Person = ""


class ActAccepted(BaseModel):
    """The act is durable on the log; the alert shows it within seconds."""

    id: str
