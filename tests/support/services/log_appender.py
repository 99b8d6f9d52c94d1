"""Appends to a local log until killed, and prints what was acknowledged: python -m tests.log_appender FILE

One line an acknowledged append: partition, offset, key, SHA-256 of the value.
"""

import asyncio
import hashlib
import os
import sys
from pathlib import Path

from schemas import topics
from stores.log.local import LocalLog

PARTITIONS = 3


async def main(path: Path) -> None:
    log = LocalLog(path, PARTITIONS)
    await log.start()

    async def append(key: str) -> None:
        while True:
            value = os.urandom(20_000)
            position = await log.append(topics.EVENTS, key, "test", value)
            digest = hashlib.sha256(value).hexdigest()
            # One write a line, so that a kill leaves no line half written.
            os.write(1, f"{position.partition} {position.offset} {key} {digest}\n".encode())

    await asyncio.gather(*(append(f"run-{n}") for n in range(8)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
