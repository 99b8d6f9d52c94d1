"""The compose file and the Dockerfile agree with the command line, the settings and the routes.

No container engine runs here, so what can be checked without one is.
"""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import typer.main
import yaml

from api import app as api_app
from ingest import app as ingest_app
from projections.consume.health import HealthServer
from schemas.settings import LOOPBACK, Settings
from tests.support.api.routes import flat
from tests.support.services.cache import ROOT
from tracker import cli

TEXT = (ROOT / "docker-compose.yml").read_text()
PASSWORD = "0123abcd"
#: As whoever starts it has set the variables that it asks for.
_SET = re.sub(r"\$\{\w+:\?[^}]*\}", PASSWORD, TEXT)
COMPOSE: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{\w+:-\}", '""', _SET))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SERVING = {name: service for name, service in OURS.items() if "healthcheck" in service}
_DIGEST = r"@sha256:[0-9a-f]{64}\b"
_PINNED = r":\d+(\.\d+)+" + _DIGEST
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name}\s+(.+)$", DOCKERFILE, flags=re.MULTILINE)


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in instructions("ENV") for pair in line.split())


def environment(service: dict[str, Any]) -> dict[str, str]:
    """What the process sees: the image's variables, then the service's."""
    every = image_environment() | service.get("environment", {})
    return {name: value for name, value in every.items() if name.startswith("TRACKER_")}


def settings_of(service: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("TRACKER_")]:
        monkeypatch.delenv(name)  # what is set here is not set there
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value)
    return Settings()


def health_url(service: dict[str, Any]) -> tuple[int, str]:
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", " ".join(service["healthcheck"]["test"]))
    assert found, "the health check asks no address"
    return int(found[1]), found[2]


def commands() -> set[str]:
    group: Any = typer.main.get_command(cli.app)
    return set(group.list_commands(None))


def paths_of(routes: Iterable[object]) -> set[str]:
    return {getattr(route, "path", "") for route in routes}


# The routes are only read, never called: the log and the tables behind them need not be there.
NOT_CALLED: Any = None


def ingest_paths() -> set[str]:
    return paths_of(ingest_app.create_app(NOT_CALLED, Settings(), "test", lambda: 0).routes)


def api_paths() -> set[str]:
    return paths_of(flat(api_app.create_app(NOT_CALLED, NOT_CALLED, Settings(), lambda: 0).routes))


def probe_paths() -> set[str]:
    return paths_of(HealthServer("127.0.0.1", 0).routes())


# What each command serves to callers, if anything; its probes have a port of their own.
SERVES: dict[str, Callable[[], set[str]] | None] = {
    "ingest": ingest_paths,
    "api": api_paths,
    "project": None,
    "archive": None,
    "collect": None,
}


@pytest.mark.parametrize("name", OURS)
def test_a_command_is_one_of_the_command_line(name: str) -> None:
    (command,) = OURS[name]["command"]
    assert command in commands()


def test_the_image_runs_a_command_of_the_command_line() -> None:
    assert instructions("ENTRYPOINT") == ['["tracker"]']
    (command,) = yaml.safe_load(instructions("CMD")[-1])
    assert command in commands()


@pytest.mark.parametrize("name", OURS)
def test_a_variable_is_a_setting_and_together_they_are_valid(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {f"TRACKER_{field.upper()}" for field in Settings.model_fields}
    assert set(environment(OURS[name])) <= known
    settings = settings_of(OURS[name], monkeypatch)
    assert settings.host not in LOOPBACK, "no other container would reach it"


@pytest.mark.parametrize("name", OURS)
def test_kafka_and_clickhouse_are_where_the_settings_say(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(OURS[name], monkeypatch)
    kafka = SERVICES["kafka"]["environment"]
    assert kafka["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{settings.log.removeprefix('kafka://')}"
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert re.fullmatch(rf"http://tracker:{PASSWORD}@clickhouse:8123/\w+", settings.clickhouse)
    assert SERVICES["clickhouse"]["environment"]["CLICKHOUSE_PASSWORD"] == PASSWORD


@pytest.mark.parametrize("name", SERVING)
def test_ports_and_health_are_what_the_command_serves(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = SERVING[name]
    paths, settings = SERVES[service["command"][0]], settings_of(service, monkeypatch)
    port, path = health_url(service)
    assert port == settings.metrics_port
    assert path in probe_paths() and (paths is None or path in paths())
    listens = [port] if paths is None else [settings.port, port]
    assert service["ports"] == [f"127.0.0.1:{n}:{n}" for n in listens]


def test_the_image_names_the_ports() -> None:
    ports = {int(port.rpartition(":")[2]) for service in SERVING.values() for port in service["ports"]}
    assert {int(port) for line in instructions("EXPOSE") for port in line.split()} == ports


def test_links_lead_to_the_published_api(monkeypatch: pytest.MonkeyPatch) -> None:
    api = settings_of(OURS["api"], monkeypatch)
    assert api.public_url == f"http://127.0.0.1:{api.port}"


def test_nothing_is_published_beyond_loopback() -> None:
    for name, service in SERVICES.items():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name
    assert not SERVICES["kafka"].get("ports")
    assert not SERVICES["clickhouse"].get("ports")


@pytest.mark.parametrize("name", OURS)
def test_nothing_listens_before_there_is_a_token(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings_of(OURS[name], monkeypatch).open


def test_every_service_is_pinned_and_limited_and_none_holds_a_secret() -> None:
    for name, service in yaml.safe_load(TEXT)["services"].items():
        ours = "build" in service  # is built here, so no registry has a digest of it
        assert re.search(r":\d+\.\d+" if ours else _PINNED, service["image"]), f"{name} is not pinned"
        assert service["mem_limit"], name
        assert service["cpus"], name
        for variable, value in service.get("environment", {}).items():
            # without a value, or as a variable, it is passed on from whoever starts it
            assert (
                value is None
                or value.startswith("${")
                or not re.search(r"PASSWORD|SECRET|TOKEN|_KEY", variable)
            ), f"{name}: {variable}"


def test_every_long_lived_service_has_a_health_check_and_what_waits_for_it_says_so() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == {"migrate"}
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            ends = other == "migrate"
            expected = "service_completed_successfully" if ends else "service_healthy"
            assert wait["condition"] == expected, f"{name} waits for {other}"


def test_no_service_may_more_than_it_needs() -> None:
    for name, service in SERVICES.items():
        assert service["security_opt"] == ["no-new-privileges:true"] and service["cap_drop"] == ["ALL"], name
    assert {name for name, service in SERVICES.items() if "cap_add" in service} == {"clickhouse"}
    for name, service in OURS.items():
        places = [v.split(":")[1] for v in service.get("volumes", [])]
        written = {place.split(":")[0] for place in service["tmpfs"]} | set(places)
        assert service["read_only"] and written == {"/tmp", "/data"}, name


def test_every_volume_is_declared_and_used() -> None:
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])


def test_the_image_is_slim_and_does_not_run_as_root() -> None:
    for base in instructions("FROM"):
        assert re.match(r"python:\d+\.\d+\.\d+-slim-\w+" + _DIGEST, base)
    assert instructions("USER") == ["tracker"]
    assert "--require-hashes" in DOCKERFILE


def test_the_image_holds_what_is_installed() -> None:
    copied = {path for line in instructions("COPY") if "--from" not in line for path in line.split()[:-1]}
    packages = {"schemas", "stores", "ingest", "projections", "api", "tracker"}
    assert copied == packages | {"requirements.lock", "pyproject.toml", "README.md", "LICENSE"}
    ignore = (ROOT / ".dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == copied
