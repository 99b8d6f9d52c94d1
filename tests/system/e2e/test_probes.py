"""What probes say while a dependency is away: live needs none; ingest is ready while it can keep requests, the api while it can
query, the projector once it reads the log. Every process may be started first, and waits with a clear message."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from stores.files import write_private
from stores.tokens.token_list import COPY
from stores.tokens.tokens import dump
from tests.support.progress import Patience
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.services.kafka import KafkaBroker
from tests.support.services.process import Child, free_port
from tests.support.stacks.stack import COMMAND, INSTALLED, Service, environment, run_command

#: How long (s) a process may take to notice.
PATIENCE = 90.0
STAGES = ("ingest", "project", "api")


class Processes:
    """One process a stage, of a Kafka and a ClickHouse that may be there or not."""

    def __init__(self, folder: Path) -> None:
        self.kafka = KafkaBroker(folder / "kafka", free_port())
        self.clickhouse = ClickHouseServer(folder / "clickhouse", free_port())
        self.settings = {
            "log": f"kafka://{self.kafka.bootstrap}",
            "clickhouse": self.clickhouse.database_url("probes"),
            "partitions": 2,
            "tick_seconds": 1,
        }
        self.of = {stage: Service(stage, stage, folder, self.settings) for stage in STAGES}
        for service in self.of.values():
            service.program = INSTALLED

    def probe(self, stage: str, path: str) -> tuple[int, str]:
        """Status and body; 0 while nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.of[stage].port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError as e:
            return 0, repr(e)
        finally:
            connection.close()

    def ready(self) -> dict[str, int]:
        return {stage: self.probe(stage, "/readyz")[0] for stage in STAGES}

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        patience = Patience(PATIENCE)
        while not holds():
            assert patience.left(), f"{what}: ready: {self.ready()}"
            time.sleep(0.1)

    def become(self, **wanted: int) -> None:
        """Wait for these answers of /readyz; all live meanwhile, and nobody has ended."""
        self.until(f"{wanted}", lambda: self.ready() == wanted)
        assert {stage: self.probe(stage, "/livez")[0] for stage in STAGES} == dict.fromkeys(STAGES, 200)
        assert {stage: service.ended() for stage, service in self.of.items()} == dict.fromkeys(STAGES, None)

    def told(self, stage: str) -> str:
        return self.of[stage].log.read_text(errors="replace")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    for name in ("kafka", "clickhouse"):
        (tmp_path / name).mkdir()
    made = Processes(tmp_path)
    with ExitStack() as stack:
        for service in made.of.values():
            service.begin()
            stack.callback(service.kill)
        yield made


@pytest.mark.parametrize("knows_tokens", [False, True])
def test_started_first_they_live_and_say_what_they_wait_for(
    processes: Processes, tmp_path: Path, knows_tokens: bool
) -> None:
    """Ingest lets nobody in before it has once known the tokens; then it needs neither the log nor the tables."""
    if knows_tokens:
        processes.of["ingest"].kill()
        write_private(tmp_path / "data" / COPY, dump([]))
        processes.of["ingest"].begin()
    processes.become(ingest=200 if knows_tokens else 503, project=503, api=503)
    processes.until(
        "they say what they wait for",
        lambda: all("waiting for the log" in processes.told(stage) for stage in STAGES),
    )
    _, body = processes.probe("ingest", "/readyz")
    assert json.loads(body).get("log" if knows_tokens else "tokens") == (
        "away" if knows_tokens else "not known yet"
    )


@pytest.mark.kafka
@pytest.mark.clickhouse
def test_each_dependency_comes_goes_and_comes_again(processes: Processes, tmp_path: Path) -> None:
    kafka, clickhouse = processes.kafka, processes.clickhouse
    migrate = Child([*COMMAND, "migrate"], tmp_path / "migrate.log", env=environment(**processes.settings))
    processes.become(ingest=503, project=503, api=503)
    with ExitStack() as stack:
        stack.callback(migrate.kill)
        stack.enter_context(kafka)
        processes.until("migrate has the log", lambda: "waiting for ClickHouse" in migrate.log_tail())
        stack.enter_context(clickhouse)
        assert migrate.wait(PATIENCE) == 0, migrate.log_tail()
        processes.become(ingest=200, project=200, api=200)
        clickhouse.kill()
        processes.become(ingest=200, project=200, api=503)
        clickhouse.start()
        processes.become(ingest=200, project=200, api=200)
        kafka.kill()
        processes.until("ingest spools", lambda: '"away"' in processes.probe("ingest", "/readyz")[1])
        processes.become(ingest=200, project=200, api=200)
        kafka.start()
        processes.until(
            "ingest is back", lambda: '"log":"ok"' in processes.probe("ingest", "/readyz")[1].replace(" ", "")
        )
        processes.become(ingest=200, project=200, api=200)
        code, said = run_command(
            tmp_path, ["books", "--check", processes.of["api"].url], **processes.settings
        )
        assert code == 0 and "accounted for" in said, said
