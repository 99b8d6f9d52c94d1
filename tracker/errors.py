"""What is wrong outside of the tracker: the command line tells it in a line instead of a traceback."""

from clickhouse_connect.driver.exceptions import ClickHouseError

from stores.log.port import LogUnavailable
from stores.s3.client import StoreUnavailable
from stores.tables.client import TablesUnavailable
from stores.tables.migrate import MigrationError


class NotDone(ValueError):
    """A command cannot do what was asked; the message says why, and what to do."""


class Exposed(NotDone):
    """Anybody who reaches the address could read and write."""


EXPECTED = (
    LogUnavailable,
    TablesUnavailable,
    StoreUnavailable,
    ClickHouseError,
    MigrationError,
    ValueError,
    OSError,
)


def describe(error: Exception) -> str:
    """The line for people."""
    if isinstance(error, LogUnavailable | TablesUnavailable | NotDone):
        return str(error)
    if isinstance(error, ClickHouseError):
        return f"ClickHouse refused: {str(error)[:500]}"
    return f"{type(error).__name__}: {error}"
