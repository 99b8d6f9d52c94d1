"""The shapes of answers about how the tracker itself stands."""

from pydantic import BaseModel, Field

from api.core.models import Time


class Watermark(BaseModel):
    """How far a partition of the log is projected, and its part of the delivery check."""

    partition: int
    next_offset: int
    log_end: int
    appended_at: Time | None
    on_log: int
    projected: int
    dead_lettered: int
    lag: int

    @property
    def balanced(self) -> bool:
        return self.on_log == self.projected + self.dead_lettered + self.lag


class Spool(BaseModel):
    """What an ingest process keeps on disk, as its newest tick said."""

    spool: str
    requests: int
    told_at: Time


class DeliveryCheck(BaseModel):
    """Requests. accepted = on_log + spooled; on_log = projected + dead_lettered + lag, if `balanced`."""

    accepted: int
    on_log: int
    spooled: int = Field(description="Kept by ingest for a log that was away, as the newest ticks said")
    projected: int
    dead_lettered: int
    lag: int
    lag_exact: bool = Field(
        description="False: too many messages wait to be looked at, so ticks count among them"
    )
    repeats: int = Field(description="Requests among these whose like had come before")
    balanced: bool = Field(description="Of every partition")
    watermark: list[Watermark]
    log_unreachable_since: Time | None = Field(
        None, description="Since when the log has not answered; its side is then what was known last"
    )
    spools: list[Spool] = Field(description="Those that are not empty")
