"""The list of tokens that a process keeps in memory: refreshed from the tables in the background, with a copy on disk.

A request never asks ClickHouse whether its token is good, so ClickHouse may be away without harm to any run. The price: a
token that was made or revoked elsewhere is known here only after the next refresh, and one that is revoked while the
tables are away works here until they are back.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.metrics import TOKENS_READ
from stores.files import read_private, write_private
from stores.tables.client import TablesUnavailable
from stores.tokens.tokens import Token, TokenSet, dump, load

_log = structlog.get_logger(__name__)

#: The copy, in TRACKER_DATA.
COPY = "tokens.json"
_STOP_SECONDS = 2.0


class Source(Protocol):
    """Where the tokens are read from: `TokenTable`."""

    def read(self) -> list[Token]:
        """All tokens."""


class TokenList(Protocol):
    """The newest list of tokens that a process knows; None: it knows none yet, which is not the same as an empty one."""

    current: TokenSet | None

    def refresh(self) -> bool:
        """Look for a newer one now. Blocking."""


class CachedTokenList:
    """`current` is the newest list that is known, or None while none is: neither the tables nor a copy could be read yet.

    A list is put in its place whole, so any thread may look at it.
    """

    def __init__(self, source: Source, folder: Path, seconds: float, clock: Callable[[], int]) -> None:
        """`seconds` between two refreshes; `clock` gives the wall clock in ms. The copy lies in `folder`."""
        self._source, self._copy, self._seconds, self._clock = source, folder / COPY, seconds, clock
        self._reading = threading.Lock()
        self.current: TokenSet | None = self._read_copy()

    def refresh(self) -> bool:
        """Read the tables now; False if they could not be read, and what was known before stays. Blocking."""
        with self._reading:
            try:
                tokens = self._source.read()
            except (TablesUnavailable, ClickHouseError, ValueError) as error:
                _log.warning(
                    "the list of tokens could not be read; the last one stays", error=str(error)[:300]
                )
                return False
            if self.current is None or tokens != self.current.tokens:
                self.current = TokenSet(tokens)
                self._write_copy(tokens)
            TOKENS_READ.set(self._clock() / 1000)
            return True

    @contextlib.contextmanager
    def refreshing(self) -> Iterator[None]:
        """Refresh now and again, while inside. In a thread of its own: tables that hang hold up nobody."""
        stop = threading.Event()
        thread = threading.Thread(target=self._again, args=(stop,), name="tokens", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_STOP_SECONDS)  # so that what it reads is not closed under it

    def _again(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.refresh()
            except Exception:  # a defect must not end the refreshing; the list that is known stays
                _log.exception("refreshing the list of tokens failed")
            stop.wait(self._seconds)

    def _read_copy(self) -> TokenSet | None:
        try:
            return TokenSet(load(read_private(self._copy)))
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            _log.warning(
                "the copy of the list of tokens cannot be used", file=str(self._copy), error=str(error)[:300]
            )
            return None

    def _write_copy(self, tokens: list[Token]) -> None:
        try:
            write_private(self._copy, dump(tokens))
        except OSError as error:  # a full disk: the list in memory is right all the same
            _log.warning(
                "the list of tokens could not be copied to disk", file=str(self._copy), error=str(error)
            )


class NoTokens:
    """Stands for `CachedTokenList` where no token has been made: everything is open."""

    current: TokenSet | None = TokenSet([])

    def refresh(self) -> bool:
        """Nothing to read."""
        return True
