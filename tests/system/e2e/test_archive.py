"""`tracker up` archives; when the log has lost what is archived, `tracker replay --from archive` makes the same tables."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from schemas.topics import EVENTS
from stores.log.local import LocalLog
from stores.log.open import LOCAL_LOG_FILE
from stores.s3.archive import Archive
from stores.s3.client import S3Store
from tests.support.archive import HOUR, T0, fill, history
from tests.support.services.seaweed import SeaweedS3
from tests.support.stacks.client import Reader, imbalance, until
from tests.support.stacks.stack import EmbeddedStack, Service

_BUCKETS = (f"e2e-{n}" for n in count())


@pytest.fixture
def store(s3: SeaweedS3) -> Iterator[S3Store]:
    name = next(_BUCKETS)
    s3.make_bucket(name)
    made = S3Store(name, s3.endpoint)
    yield made
    made.close()


def _old_log(folder: Path) -> int:
    """A log of one partition whose last message is hours old; the number of messages."""
    begin = (time.time_ns() // 1_000_000 - 10 * HOUR) // HOUR * HOUR
    now = [begin]
    said = history(partitions=1)

    async def work() -> None:
        log = LocalLog(folder / LOCAL_LOG_FILE, 1, clock=lambda: now[0])
        await log.start()
        await fill(log, said, lambda at: now.__setitem__(0, at - T0 + begin))
        await log.stop()

    asyncio.run(work())
    return len(said.records)


def _archived(archive: Archive) -> int:
    """The offset after the last that is in the archive."""

    async def end() -> int:
        return (await archive.tail(await archive.segment_keys(0))).end

    return asyncio.run(end())


def test_up_archives_and_a_replay_needs_the_log_no_more(
    tmp_path: Path, s3: SeaweedS3, store: S3Store
) -> None:
    archive = Archive(store, "lab/tracker")
    settings = {"archive": f"s3://{store.bucket}/lab/tracker", "s3_endpoint": s3.endpoint}
    data = tmp_path / "data"
    messages = _old_log(data)
    with EmbeddedStack(tmp_path, **settings) as stack:
        until("all that is old is archived", lambda: max(0, messages - _archived(archive)), seconds=60)
        with Reader(stack.api_url) as reader:
            until("all is projected", lambda: imbalance(reader))
        # One more beside it: it reads the log, writes nothing to it, and finds everything archived.
        with_it = Service("archive", "archive", tmp_path, settings).start()
        assert with_it.stop() == 0
        assert stack.up.stop() == 0

    end = _archived(archive)
    assert end >= messages
    code, told = stack.command("replay")
    assert (code, "identical" in told) == (0, True), told

    with sqlite3.connect(data / LOCAL_LOG_FILE) as connection:
        [(stream,)] = connection.execute("SELECT id FROM streams WHERE topic = ?", (EVENTS,))
        connection.execute(
            "DELETE FROM records WHERE id >= ? AND id < ?", (stream << 40, (stream << 40) + end)
        )
    connection.close()
    code, told = stack.command("replay")
    assert (code, "replay --from archive" in told) == (1, True), told
    code, told = stack.command("replay", "--from", "archive", "--exchange")
    assert (code, "identical" in told, "exchanged" in told) == (0, True, True), told
