"""All settings, read from TRACKER_… environment variables. `tracker config` prints them, `--check` validates them."""

import re
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from schemas.access import Role
from schemas.files.settings import FileSettings, is_absolute, listed
from schemas.thresholds import LONGEST_SECONDS

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

#: Kinds of web pages that hosts of repositories have.
REPOSITORY_KINDS = ("github", "gitlab", "bitbucket", "bitbucket-server", "gitea", "azure", "codecommit")


class Settings(FileSettings):
    """Each field is the variable TRACKER_<FIELD>; its description is its documentation."""

    model_config = SettingsConfigDict(env_prefix="TRACKER_", extra="ignore", frozen=True, allow_inf_nan=False)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on (ingest, api and `tracker up`).")
    metrics_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="Port of probes and metrics alone: 9100 of `tracker project`, `collect` and `archive` where none is set; "
        "ingest, api and `tracker up` have them on their port, and on this one too where it is set.",
    )
    open: bool = Field(
        False,
        description="Listen on an address other than loopback even while no token has been made, when anybody who reaches it "
        "may read and write: set it only behind a firewall. Once there are tokens it means nothing.",
    )
    data: Path = Field(
        Path("data"), description="Folder of the local log, the embedded tables and the spool."
    )
    public_url: str = Field(
        "",
        description="What links to us start with, such as https://tracker.example.org; default: http://HOST:PORT.",
    )
    log: str = Field(
        "local", description="`local` (one SQLite file under DATA) or kafka://HOST:PORT[,HOST:PORT…]."
    )
    clickhouse: str = Field(
        "chdb",
        description="`chdb` (in the process, under DATA) or http[s]://USER:PASSWORD@HOST:PORT/DATABASE.",
    )
    partitions: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Partitions of a log that is not yet made; default: 1 local, 4 on Kafka. Fixed once made.",
    )
    replication_factor: int = Field(
        1, ge=1, le=9, description="Kafka: replicas of each topic that `tracker migrate` makes."
    )
    topic_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
        description="Kafka: comes before the name of each topic and consumer group, so that trackers share a cluster, such "
        "as `staging.`; their tables are kept apart by the DATABASE of CLICKHOUSE. Fixed once the topics are made.",
    )
    archive: str = Field(
        "",
        description="s3://BUCKET[/PREFIX] that every event goes to, an object an hour and partition (see docs/operations.md); "
        "without it nothing is archived. Credentials come from boto3's own chain.",
    )
    log_retention_hours: float | None = Field(
        None,
        ge=1,
        description="Kafka: the archiver deletes from the log what is older, archived and projected; default: nothing.",
    )
    max_body_bytes: int = Field(
        16 * 2**20, ge=1024, description="Largest request body; a larger one is answered 413."
    )
    max_connections: int = Field(
        4096,
        ge=16,
        le=100_000,
        description="Connections that a process holds at the same time, if it may open as many files; more are closed.",
    )
    append_timeout_seconds: float = Field(
        20,
        gt=0,
        description="How long ingest waits for the log to acknowledge before it answers 503 with Retry-After.",
    )
    spool_bytes: int = Field(
        2**30,
        ge=2**20,
        description="Kafka: what ingest keeps on disk, under DATA, while the log is away; when full it answers 503.",
    )
    batch_events: int = Field(500, ge=1, description="Projector: most events of one batch.")
    batch_bytes: int = Field(
        32 * 2**20,
        ge=2**20,
        description="Projector: most bytes of messages that are written at once; a single larger one is written alone.",
    )
    batch_seconds: float = Field(
        0.15, gt=0, le=60, description="Projector: how long a batch may wait for more events."
    )
    tick_seconds: float = Field(
        5, gt=0, le=300, description="How often each ingest process appends a clock tick to every partition."
    )
    disconnected_after_seconds: float = Field(
        180,
        gt=0,
        le=LONGEST_SECONDS,
        description="A live run that is silent for longer is disconnected; its label "
        "tracker.disconnected-after=SECONDS goes before.",
    )
    stalled_after_seconds: float = Field(
        900,
        gt=0,
        le=LONGEST_SECONDS,
        description="A live run that is heard but tells no task for longer, with no task open, is stalled; its label "
        "tracker.stalled-after=SECONDS goes before.",
    )
    ingest_gone_seconds: float = Field(
        300,
        gt=0,
        le=LONGEST_SECONDS,
        description="An ingest process whose ticks are missing for longer is gone.",
    )
    behind_after_seconds: float = Field(
        30,
        gt=0,
        le=LONGEST_SECONDS,
        description="When the newest tick projected is older, live runs read `unknown`: the tracker is behind.",
    )
    keep_runs_days: float = Field(
        0,
        ge=0,
        le=36_500,
        description="Runs that are over and were last heard so long ago leave the tables; log and archive keep them. 0: never.",
    )
    price_book: Path | None = Field(
        None,
        description="JSON file of prices (see docs/cost.md); without it the bundled list prices of us-east-1.",
    )
    carbon_book: Path | None = Field(
        None,
        description="JSON file of watts and of grams of CO2e a kWh (see docs/cost.md); without it those bundled for AWS.",
    )
    alert_webhook: SecretStr = Field(
        SecretStr(""),
        description="URL that every alert is sent to at once (see docs/alerts.md); a secret, as many such URLs are.",
    )
    alert_secret: SecretStr = Field(
        SecretStr(""), description="Signs what is sent to webhooks: HMAC-SHA256 in X-Tracker-Signature."
    )
    alert_allow_private: bool = Field(
        False, description="Let alerts go to private and loopback addresses too."
    )
    alert_rules: Path | None = Field(
        None, description="JSON or TOML file that says who is told of what (see docs/alerts.md)."
    )
    alert_watchdog_seconds: float = Field(
        300,
        ge=0,
        le=86_400,
        description="How often receivers of `watchdog` are told that alerts work; 0: never.",
    )
    repository_hosts: str = Field(
        "",
        description="Kinds of hosts that links to repositories cannot tell by their names: HOST=KIND, comma-separated, such as "
        "git.lab.example=gitlab. Kinds: " + ", ".join(REPOSITORY_KINDS),
    )
    token: SecretStr = Field(
        SecretStr(""),
        description="The token that commands show to a running tracker when they ask that instead of its files: "
        "`tracker delivery-check`, `dead-letters`, `token` and `demo` (see docs/security.md for the role that each needs).",
    )
    tokens_seconds: float = Field(
        5,
        gt=0,
        le=3600,
        description="How often each process reads the list of tokens: so long may a change go unnoticed.",
    )
    rate_per_second: float = Field(
        100,
        ge=0,
        description="Requests a second of one token, and of an address without one, to the api and to /v1, in the long run; "
        "ten times as many may come at once, more are answered 429. Runners' dialects are never limited, nor is anybody while no "
        "token is made. 0: no limit.",
    )
    cookie_secret: SecretStr = Field(
        SecretStr(""),
        description="Signs the cookies of people who have logged in, at least 32 characters; default: one is made and kept under "
        "DATA. Several api processes need the same.",
    )
    login_hours: float = Field(168, gt=0, le=8760, description="How long a person stays logged in.")
    proxy_header: str = Field(
        "",
        description="Header in which an authenticating proxy names the person, such as X-Forwarded-User; from PROXY_PEERS only.",
    )
    proxy_peers: str = Field(
        "", description="Addresses or networks of that proxy, comma-separated, such as 127.0.0.1,10.0.0.0/24."
    )
    proxy_role: Literal["viewer", "operator", "admin"] = Field(
        "viewer", description="Role of a person whom the proxy names."
    )
    proxy_operators: str = Field("", description="Those of them who are operators, comma-separated.")
    proxy_admins: str = Field("", description="Those of them who are admins, comma-separated.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="`auto`: text on a terminal, else JSON."
    )

    @field_validator("log")
    @classmethod
    def _log_is_known(cls, value: str) -> str:
        if value != "local" and not (value.startswith("kafka://") and value.removeprefix("kafka://")):
            raise ValueError("say `local` or kafka://HOST:PORT[,HOST:PORT…]")
        return value

    @field_validator("clickhouse")
    @classmethod
    def _clickhouse_is_known(cls, value: str) -> str:
        if value == "chdb":
            return value
        url = urlsplit(value)
        if url.scheme not in ("http", "https") or not url.hostname or not url.path.strip("/").isidentifier():
            raise ValueError("say `chdb` or http[s]://USER:PASSWORD@HOST:PORT/DATABASE")
        return value

    @field_validator("archive")
    @classmethod
    def _archive_is_a_bucket(cls, value: str) -> str:
        value = value.rstrip("/")
        # Only characters that every store and tool takes as they are, and no `.` or `..` between slashes.
        if value and not re.fullmatch(
            r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/(?!\.{1,2}(/|$))[A-Za-z0-9_.-]{1,100}){0,8}", value
        ):
            raise ValueError(
                "say s3://BUCKET or s3://BUCKET/PREFIX, of letters, digits, `-`, `_`, `.` and `/`"
            )
        return value

    @field_validator("public_url")
    @classmethod
    def _urlis_absolute(cls, value: str) -> str:
        if value and not is_absolute(value):
            raise ValueError("say an absolute URL, such as https://tracker.example.org")
        return value.rstrip("/")

    @field_validator("repository_hosts")
    @classmethod
    def _hosts_have_kinds(cls, value: str) -> str:
        for text in listed(value):
            host, _, kind = text.partition("=")
            if not host or kind not in REPOSITORY_KINDS:
                raise ValueError(
                    f"{text!r}: say HOST=KIND, the kind being one of {', '.join(REPOSITORY_KINDS)}"
                )
        return value

    @field_validator("alert_webhook")
    @classmethod
    def _webhookis_absolute(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        if url and not is_absolute(url):
            raise ValueError("say an absolute URL, such as https://ops.example.org/hook")
        return value

    @field_validator("cookie_secret")
    @classmethod
    def _secret_is_long(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < 32:
            raise ValueError("say at least 32 characters, such as `openssl rand -base64 32` gives")
        return value

    @field_validator("proxy_peers")
    @classmethod
    def _peers_are_networks(cls, value: str) -> str:
        for text in listed(value):
            try:
                ip_network(text, strict=False)
            except ValueError as e:
                raise ValueError(
                    f"{text!r} is no address or network; say for example 127.0.0.1,10.0.0.0/24"
                ) from e
        return value

    @model_validator(mode="after")
    def _proxy_is_whole(self) -> Self:
        if bool(self.proxy_header) != bool(self.proxy_peers):
            raise ValueError(
                "set TRACKER_PROXY_HEADER and TRACKER_PROXY_PEERS together: the header counts from those peers only"
            )
        return self

    @model_validator(mode="after")
    def _nothing_is_deleted_that_is_not_archived(self) -> Self:
        if self.log_retention_hours is not None and (not self.archive or self.log == "local"):
            raise ValueError(
                "TRACKER_LOG_RETENTION_HOURS deletes from Kafka what the archive holds: set TRACKER_ARCHIVE and "
                "TRACKER_LOG=kafka://… too, or leave it out"
            )
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine reaches us."""
        return self.host in LOOPBACK

    @property
    def may_be_open(self) -> bool:
        """Whether anybody may do everything while no token is known. Never behind a proxy, which lets the network in."""
        return (self.on_loopback or self.open) and not self.proxy_header

    @cached_property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of `proxy_peers`."""
        return tuple(ip_network(text, strict=False) for text in listed(self.proxy_peers))

    def proxy_role_of(self, person: str) -> Role:
        """The role of a person whom the proxy names."""
        if person in listed(self.proxy_admins):
            return Role.ADMIN
        return Role.OPERATOR if person in listed(self.proxy_operators) else Role(self.proxy_role)

    @cached_property
    def repository_kinds(self) -> dict[str, str]:
        """Host → kind, of `repository_hosts`."""
        return dict(text.lower().split("=", 1) for text in listed(self.repository_hosts))

    @property
    def kafka_bootstrap(self) -> str | None:
        """`HOST:PORT,…` of the brokers, or None for the local log."""
        return None if self.log == "local" else self.log.removeprefix("kafka://")

    @property
    def log_partitions(self) -> int:
        """Partitions that a new log gets."""
        return self.partitions or (1 if self.log == "local" else 4)

    @cached_property
    def base_url(self) -> str:
        """What links to us start with, without a slash at the end."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return self.public_url or f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def explain(error: ValidationError) -> str:
    """One line a wrong setting, with its variable: what `tracker` prints before it exits."""
    lines = []
    for e in error.errors():
        name = f"TRACKER_{'_'.join(str(x) for x in e['loc']).upper()}" if e["loc"] else "settings"
        lines.append(f"{name}: {e['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)
