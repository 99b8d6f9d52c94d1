"""The tables behind one small interface: a ClickHouse server, or chDB in this process, through clickhouse-connect.

Clients are synchronous: call from a thread. A pool of them serves parallel callers, since one client serialises.
"""

import queue
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from schemas.settings import Settings

#: The database of the embedded tables.
EMBEDDED_DATABASE = "tracker"

#: Codes of ClickHouse's errors that say that a row is wrong, rather than that the server cannot take it now.
_DATA_ERRORS = frozenset({6, 25, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 407, 441, 469})

#: Codes that say that ClickHouse cannot do it now: it lacks memory, threads, files, disk or time, has too much to do, is about to
#: stop, or does not reach its own replicas. chDB says all of this as it says that a statement is wrong.
_NOT_NOW = frozenset(
    {
        *(173, 241, 776, 777, 778, 1020),  # memory
        *(411, 439, 1000, 1001),  # threads, and whatever else the operating system refused
        *(74, 75, 76, 107, 204, 243, 586),  # files and disk
        *(159, 160, 209, 210, 279),  # time and network
        *(201, 202, 203, 252, 364, 700, 745, 749, 762, 1019),  # too much to do
        *(218, 236, 394, 733, 735),  # stopped, or in the middle of something
        *(225, 234, 242, 319, 369, 999),  # replicas
    }
)

_SETTINGS: dict[str, Any] = {
    "async_insert": 0,  # an insert that is answered is written
    "date_time_input_format": "best_effort",  # RFC 3339
    # A batch is parsed in a few ms: threads for it cost 15 % more CPU time for 4,000 task records, and 40 % for one row.
    "input_format_parallel_parsing": 0,
    "max_threads": 1,
    "input_format_skip_unknown_fields": 1,  # a newer ingest may tell more than this projector knows
}

#: Of every statement, where the server knows them. They are passes of the planner that walk each expression again wherever its
#: name is used, and find nothing in ours. On 26.9 a run's status is planned in three quarters of the time without the first, and
#: a run's costs in half of it without the other two. And nothing is compiled to machine code: that takes 50 to 240 ms of CPU a
#: statement of ours in each new process, and the figures of a run of 200,000 tasks take no less after it.
_PLANNING = {
    "optimize_and_compare_chain": 0,
    "optimize_syntax_fuse_functions": 0,
    "optimize_aggregators_of_group_by_keys": 0,
    "compile_expressions": 0,
    "compile_aggregate_expressions": 0,
    "compile_sort_description": 0,
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """When a server is given up (whole seconds): while it takes a connection or a statement, and while it says nothing.

    A statement may take longer than `silence`: the server is asked to tell of its progress meanwhile, and that is no silence.
    It tells it every `silence` - 5 s, but not more often than every 10 s, so less than 15 would cut off what is merely slow.
    """

    connect: int
    silence: int


#: For whoever does one thing after the other, and has all the time that it takes.
PATIENT = Timeouts(connect=10, silence=300)
#: For the projector: the two together are well below the patience of its watchdog, which must not take waiting for hanging.
PROJECTING = Timeouts(connect=10, silence=60)
#: For what somebody waits for.
ANSWERING = Timeouts(connect=5, silence=15)
#: So long a server that said nothing is not asked again, so that whoever waited for a client meanwhile need not wait as long.
_PAUSE_SECONDS = 1.0


class TablesUnavailable(Exception):
    """ClickHouse cannot be reached, does not answer, or cannot do it now; the same call may succeed later."""


def blames_data(error: ClickHouseError) -> bool:
    """Whether ClickHouse says that a row of the insert is wrong, so that trying it again cannot help."""
    code = re.search(r"Code: (\d+)", str(error))
    return isinstance(error, DatabaseError) and code is not None and int(code[1]) in _DATA_ERRORS


def _is_for_now(error: DatabaseError) -> bool:
    """Whether ClickHouse, or a proxy before it, says that it cannot do this now, rather than that the statement is wrong."""
    return error.code in _NOT_NOW or (error.code is None and "received HTTP status 50" in str(error))


def lacks_tables(error: ClickHouseError) -> bool:
    """Whether ClickHouse says that a table or the database is not there: `tracker migrate` has not made it yet."""
    code = re.search(r"Code: (\d+)", str(error))
    return code is not None and int(code[1]) in (60, 81)


class Tables:
    """One database of tables. `rows`, `command` and `insert` may be called from several threads at once.

    They raise TablesUnavailable when ClickHouse cannot be reached or cannot do it now, and ClickHouseError when it refuses the
    statement.
    """

    def __init__(
        self,
        target: str,
        path: Path,
        database: str | None = None,
        clients: int = 4,
        timeouts: Timeouts = PATIENT,
    ) -> None:
        """`target` is `chdb` (under `path`) or the URL of a server; `database` replaces the one of the URL."""
        self.target = target
        self.path = path
        self.timeouts = timeouts
        self.embedded = target == "chdb"
        self.database = database or (EMBEDDED_DATABASE if self.embedded else urlsplit(target).path.strip("/"))
        self._free: queue.LifoQueue[Client | None] = queue.LifoQueue()
        for _ in range(clients):
            self._free.put(None)
        self._clients: list[Client] = []
        self._lock = threading.Lock()
        self._pause_until = 0.0

    def beside(self, database: str) -> "Tables":
        """Tables of another database of the same ClickHouse."""
        return Tables(self.target, self.path, database, timeouts=self.timeouts)

    def rows(self, sql: str, /, **parameters: Any) -> list[dict[str, Any]]:
        """The rows of a query, as dicts by column name. Times are naive datetimes in UTC."""
        with self._client() as client:
            result = client.query(sql, parameters=parameters)
            return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]

    def columns(self, sql: str, /, **parameters: Any) -> Iterator[Sequence[Sequence[Any]]]:
        """The result of a query by blocks of rows, each as its columns: for so many rows that dicts would be heavy."""
        with (
            self._client() as client,
            client.query_column_block_stream(sql, parameters=parameters) as blocks,
        ):
            yield from blocks

    def value(self, sql: str, /, **parameters: Any) -> Any:
        """The first column of the only row of a query."""
        [row] = self.rows(sql, **parameters)
        return next(iter(row.values()))

    def command(self, sql: str, /, **parameters: Any) -> None:
        """Run a statement that gives no rows."""
        with self._client() as client:
            client.command(sql, parameters=parameters)

    def insert(self, table: str, rows: bytes) -> None:
        """Insert rows given as JSON objects, one after another. Written when it returns."""
        with self._client() as client:
            client.raw_insert(
                f"{self.database}.{table}", insert_block=rows, fmt="JSONEachRow", settings=_SETTINGS
            )

    def create_database(self, cluster: str = "") -> None:
        """Make the database where it is missing: on each replica of the cluster, if one is named."""
        on_cluster = f" ON CLUSTER '{cluster}'" if cluster else ""
        with self._client("default") as client:
            client.command(f"CREATE DATABASE IF NOT EXISTS {self.database}{on_cluster}")

    def drop_database(self) -> None:
        """Remove the database and all its tables."""
        with self._client("default") as client:
            client.command(f"DROP DATABASE IF EXISTS {self.database} SYNC")

    def ping(self) -> bool:
        """Whether ClickHouse answers."""
        try:
            with self._client("default") as client:
                client.command("SELECT 1")
        except (TablesUnavailable, ClickHouseError):
            return False
        return True

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    @contextmanager
    def _client(self, database: str | None = None) -> Iterator[Client]:
        client = self._free.get()
        began = time.monotonic()
        try:
            if began < self._pause_until:
                raise TablesUnavailable("ClickHouse did not answer just now")
            client = client or self._connect()
            previous, client.database = client.database, database or self.database
            try:
                yield client
            finally:
                client.database = previous
        except OperationalError as e:
            if not self.embedded and time.monotonic() - began >= self.timeouts.connect:
                self._pause_until = time.monotonic() + _PAUSE_SECONDS
            raise TablesUnavailable(str(e)) from e
        except DatabaseError as e:
            if self.embedded and client is not None:
                client = self._emptied(client)
            if _is_for_now(e):
                raise TablesUnavailable(str(e)) from e
            raise
        finally:
            self._free.put(client)

    def _emptied(self, client: Client) -> Client | None:
        """The client, once it holds nothing of a statement that failed; None if it had to be closed.

        What chDB 26.9 had told of a statement before it failed stands at the beginning of the same client's next answer.
        """
        try:
            client.raw_query("SELECT 1")
        except ClickHouseError:
            with self._lock:
                self._clients.remove(client)
            client.close()
            return None
        return client

    def _connect(self) -> Client:
        if self.embedded:
            client = clickhouse_connect.get_client(interface="chdb", path=str(self.path / "tables"))
        else:
            url = urlsplit(self.target)
            client = clickhouse_connect.get_client(
                host=url.hostname or "",
                port=url.port or (8443 if url.scheme == "https" else 8123),
                username=url.username or "default",
                password=url.password or "",
                secure=url.scheme == "https",
                database="default",
                autogenerate_session_id=False,
                connect_timeout=self.timeouts.connect,
                send_receive_timeout=self.timeouts.silence,
            )
        for name, value in _PLANNING.items():
            if name in client.server_settings:
                client.set_client_setting(name, value)
        with self._lock:
            self._clients.append(client)
        return client


def open_tables(settings: Settings, timeouts: Timeouts = PATIENT) -> Tables:
    """The tables that the settings name. Nothing is connected before the first call."""
    return Tables(settings.clickhouse, settings.data, timeouts=timeouts)
