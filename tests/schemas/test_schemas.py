"""The contracts: schemas committed as they are, settings documented and refused clearly, messages whole through bytes."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from schemas import export, wire
from schemas.events import EVENT, TaskRecord, TasksChanged, TasksChangedEvent
from schemas.settings import Settings, explain
from schemas.statuses import TaskStatus
from schemas.values import iso, to_ms


@pytest.mark.parametrize("name", export.documents())
def test_committed_schemas_are_current(name: str) -> None:
    assert (export.FOLDER / name).read_text("utf-8") == export.documents()[name], "run `make schemas`"


def test_no_schema_is_left_over() -> None:
    assert {f.name for f in export.FOLDER.iterdir()} == set(export.documents())


def test_every_setting_is_documented() -> None:
    assert [n for n, f in Settings.model_fields.items() if not f.description] == []


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("LOG", "redis://x", "kafka://HOST:PORT"),
        ("LOG", "kafka://", "kafka://HOST:PORT"),
        ("CLICKHOUSE", "http://host:8123", "DATABASE"),
        ("CLICKHOUSE", "http://host:8123/a-b", "DATABASE"),
        ("PORT", "70000", "TRACKER_PORT"),
        ("COOKIE_SECRET", "short", "at least 32 characters"),
        ("PROXY_PEERS", "10.0.0.0/24", "TRACKER_PROXY_HEADER"),
        ("PROXY_PEERS", "proxy.lab", "no address or network"),
        ("PUBLIC_URL", "tracker.example", "absolute URL"),
        ("S3_BROWSER", "https://s3.example.org/", "{bucket}"),
        ("S3_BROWSER", "javascript:{bucket}", "absolute URL"),
        ("TICK_SECONDS", "0", "TRACKER_TICK_SECONDS"),
        ("ARCHIVE", "https://bucket.s3.example", "s3://BUCKET"),
        ("ARCHIVE", "s3://", "s3://BUCKET"),
        ("ARCHIVE", "s3://Bucket_", "s3://BUCKET"),
        ("ARCHIVE", "s3://bucket/../other", "s3://BUCKET"),
        ("ARCHIVE", "s3://bucket/a//b", "s3://BUCKET"),
        ("ARCHIVE", "s3://bucket/a\nb", "s3://BUCKET"),
        ("ARCHIVE", "s3://bucket/a%2fb?x", "s3://BUCKET"),
        ("S3_ENDPOINT", "minio:9000", "absolute URL"),
        ("S3_ENDPOINT", "http://key:secret@minio:9000", "boto3 finds them"),
        ("S3_ENDPOINT", "http://minio:9000?key=secret", "boto3 finds them"),
        ("LOG_RETENTION_HOURS", "24", "set TRACKER_ARCHIVE"),
        (
            "DISCONNECTED_AFTER_SECONDS",
            "0",
            "TRACKER_DISCONNECTED_AFTER_SECONDS: Input should be greater than 0",
        ),
        ("DISCONNECTED_AFTER_SECONDS", "inf", "finite number"),
        ("STALLED_AFTER_SECONDS", "soon", "TRACKER_STALLED_AFTER_SECONDS: Input should be a valid number"),
        ("STALLED_AFTER_SECONDS", "1e300", "less than or equal to 31536000"),
        ("INGEST_GONE_SECONDS", "-1", "TRACKER_INGEST_GONE_SECONDS: Input should be greater than 0"),
    ],
)
def test_a_wrong_setting_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"TRACKER_{variable}", value)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert told in explain(caught.value)


def test_an_archive_is_a_bucket_and_a_prefix() -> None:
    assert Settings(archive="s3://my.bucket-1/a/b_c.d/").archive == "s3://my.bucket-1/a/b_c.d"
    assert (
        Settings(archive="s3://bucket", s3_endpoint="http://minio:9000/").s3_endpoint == "http://minio:9000"
    )
    assert (
        Settings(archive="s3://bucket", log="kafka://b:1", log_retention_hours=24).log_retention_hours == 24
    )


def test_the_base_url_follows_host_port_and_proxy() -> None:
    assert Settings(host="::1", port=1).base_url == "http://[::1]:1"
    assert Settings(host="0.0.0.0", open=True, port=80).base_url == "http://127.0.0.1:80"
    assert Settings(public_url="https://t.example/x/").base_url == "https://t.example/x"


def test_a_message_is_whole_after_bytes() -> None:
    event = TasksChangedEvent(id="0" * 32, source="s", run_id="r", received_at=5, data=TasksChanged())
    name = 'quote " newline \n brace } ] ü'
    message = wire.encode(event, [TaskRecord(run_id="r", task_id=1, status=TaskStatus.RUNNING, name=name)])
    assert message.count(b"\n") == 1
    back, rows = wire.decode(message)
    assert back == event
    assert TaskRecord.model_validate_json(rows).name == name


@pytest.mark.parametrize("bad", [b"", b"{}", b"\xff", b'{"type":"clock.tick","id":"1"}', b"null\n[]"])
def test_no_event_is_a_value_error(bad: bytes) -> None:
    with pytest.raises(ValueError):
        wire.decode(bad)


def test_times_round_half_up_to_ms() -> None:
    assert to_ms("2026-11-24T19:01:45.400500Z") == to_ms("2026-11-24T19:01:45.401Z")
    assert iso(1_700_000_000_001) == "2023-11-14T22:13:20.001Z"
    with pytest.raises(ValueError, match="zone"):
        to_ms("2026-11-24T19:01:45")


def test_an_unknown_field_is_ignored() -> None:
    text = '{"id":"1","source":"s","received_at":1,"type":"clock.left","data":{"process":"p","new":1},"later":true}'
    assert EVENT.validate_json(text).type == "clock.left"


def test_readme_names_only_settings_that_are() -> None:
    import re

    known = {f"TRACKER_{name.upper()}" for name in Settings.model_fields}
    known |= {"TRACKER_SERVER", "TRACKER_TOKEN"}  # of the command line
    root = Path(__file__).parents[2]
    for page in ("README.md", "ARCHITECTURE.md", "docs/cost.md"):
        named = set(re.findall(r"TRACKER_[A-Z0-9_]+", (root / page).read_text("utf-8")))
        assert named <= known, page
