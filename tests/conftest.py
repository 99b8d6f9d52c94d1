"""The real services, one of each a session, started by the first test that asks for it.

A service that cannot start is an error of the tests that ask for it, never a skip.
"""

from collections.abc import Iterator

import hypothesis
import pytest

from tests.support.services import warm
from tests.support.services.clickhouse import ClickHouseServer
from tests.support.services.kafka import KafkaBroker
from tests.support.services.seaweed import SeaweedS3, credentials

warm.allow()

pytest_plugins = (
    "tests.support.tables",
    "tests.support.services.aws_prices",
    "tests.support.fake_tracker",
    "tests.support.api.stage",
    "tests.support.alerts.notifier_stage",
)

# What gates is the same each time; `make fuzz` tries the properties with new seeds.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None)
hypothesis.settings.register_profile("random", max_examples=1000, print_blob=True, deadline=None)
hypothesis.settings.load_profile("fixed")

_MARKER_OF_FIXTURE = {"kafka_broker": "kafka", "clickhouse_server": "clickhouse", "s3": "s3"}


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """Shared: use topics and groups of your own. A test that kills a broker makes one of its own too."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def clickhouse_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    """Shared: use a database of your own. A test that kills a server makes one of its own too."""
    with ClickHouseServer(tmp_path_factory.mktemp("clickhouse")) as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedS3]:
    """Shared, with its credentials where boto3 looks for them: use a bucket of your own."""
    with SeaweedS3(tmp_path_factory.mktemp("s3")) as store, pytest.MonkeyPatch.context() as patch:
        for name, value in credentials().items():
            patch.setenv(name, value)
        yield store


def pytest_unconfigure() -> None:
    """No process outlives the tests."""
    warm.stop()


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that asks for a service carries its marker, so that `make test-fast` leaves it out."""
    for fixture in getattr(item, "fixturenames", ()):
        if fixture in _MARKER_OF_FIXTURE:
            item.add_marker(_MARKER_OF_FIXTURE[fixture])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser goes last: Playwright keeps an event loop running in this thread, in which no other may be run."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
