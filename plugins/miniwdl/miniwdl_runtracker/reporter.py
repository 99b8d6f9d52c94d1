"""Hears what miniwdl says, by its plugins and its log, and has it delivered. Nothing here raises, and only a run's end waits."""

import functools
import getpass
import importlib.metadata
import json
import logging
import os
import re
import shlex
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import WDL
from WDL.runtime.error import Terminated

from .delivery import Event, Sender
from .logs import end_of_log
from .redaction import redacted
from .run import Start, WdlRun

_CLOSE_SECONDS = 5.0
_MOST_PARAMS = 64 * 1024
#: Exit code of `miniwdl run` that was stopped, or failed but for a task's command.
_STOPPED = 2
_SEGMENT = re.compile(r"\.(?=[wt]:)")
_RETRIED = frozenset({"failed task will be retried", "interrupted task will be retried"})


def begin(cfg: Any, logger: logging.Logger, run_dir: str, what: Any, inputs: Any) -> "Reporter | None":
    """Begins to report a run, if the configuration says where to."""
    try:
        section = cfg["runtracker"]
        url = section.get("url", "")
        if not url:
            return None
        start = _start(section.get("run_name", ""), run_dir, what, inputs)
        return Reporter(url, section.get("token", ""), logger.name.split(".")[0], start)
    except Exception as e:  # the workflow goes on, whatever is wrong with its reporting
        _say(f"the run is not followed: {type(e).__name__}: {e}")
        return None


def _start(name: str, run_dir: str, what: Any, inputs: Any) -> Start:
    params = WDL.values_to_json(inputs)
    return Start(
        name=name or os.path.basename(run_dir),
        workflow=what.name,
        source=what.pos.abspath,
        folder=os.path.dirname(run_dir),
        run_dir=run_dir,
        user=getpass.getuser(),
        version=importlib.metadata.version("miniwdl"),
        command_line=redacted(shlex.join(sys.argv)),
        params=params if len(json.dumps(params)) <= _MOST_PARAMS else {},
    )


def _quietly(act: Callable[..., None]) -> Callable[..., None]:
    """The same for callers who must not be disturbed: what goes wrong is said once, at the end."""

    @functools.wraps(act)
    def acted(self: "Reporter", *arguments: Any) -> None:
        try:
            act(self, *arguments)
        except Exception as e:
            self.trouble = self.trouble or f"{type(e).__name__}: {e}"

    return acted


class Reporter(logging.Handler):
    """Reports one run; `current` is the one of this process. Tasks run in threads, so every act holds the handler's lock."""

    current: ClassVar["Reporter | None"] = None

    def __init__(self, url: str, token: str, root: str, start: Start) -> None:
        super().__init__()
        self.trouble = ""
        self._url = url
        self._run = WdlRun()
        self._errors: list[str] = []
        self._root = logging.getLogger(root)
        self._sender = Sender(url, token, self._heartbeat)
        self._put(lambda run, now: run.begin(start, now))
        self._root.addHandler(self)
        Reporter.current = self

    @_quietly
    def set_up(self, key: tuple[str, ...], name: str, run_dir: str) -> None:
        self._put(lambda run, now: run.set_up(key, name, run_dir, now))

    @_quietly
    def started(self, key: tuple[str, ...], command: str, runtime: Mapping[str, Any]) -> None:
        plain = {name: getattr(value, "json", value) for name, value in runtime.items()}
        self._put(lambda run, now: run.started(key, command, plain, now))

    @_quietly
    def failed(self, key: tuple[str, ...], error: Exception) -> None:
        stopped = isinstance(error, Terminated)
        code = getattr(error, "exit_status", None)
        if not stopped:
            self._errors.append(f"{'/'.join(key)}: {error}")
            if end := end_of_log(getattr(error, "stderr_file", "")):
                self._errors.append(f"The end of {error.stderr_file}:\n{end}")  # type: ignore[attr-defined]
        self._put(lambda run, now: run.ended(key, "aborted" if stopped else "failed", code, now))

    @_quietly
    def emit(self, record: logging.LogRecord) -> None:
        """What plugins are not told: tasks that are set up, found in the cache, tried again, and done."""
        segments = _SEGMENT.split(record.name)
        if not segments[-1].startswith("t:") or segments[-1].startswith("t:download-"):
            return
        key = tuple(segment[2:] for segment in segments[1:])
        message = str(getattr(record.msg, "message", record.msg))
        said = getattr(record.msg, "kwargs", {})
        if message == "task setup":
            self._put(lambda run, now: run.set_up(key, said["name"], said["dir"], now))
        elif message in _RETRIED:
            self._put(lambda run, now: run.retried(key, str(said.get("message", "")), now))
        elif message == "done":
            self._put(lambda run, now: run.ended(key, "succeeded", 0, now))
        elif message == "done (cached)":
            self._put(lambda run, now: run.ended(key, "cached", None, now))

    @_quietly
    def end(self, failure: Exception | None) -> None:
        """The run is over. Waits for the delivery of what is left, but not long."""
        self._root.removeHandler(self)
        Reporter.current = None
        self._put(lambda run, now: run.end(*_outcome(failure), self._errors, now))
        undelivered = self._sender.close(_CLOSE_SECONDS)
        if undelivered:
            why = f": {self._sender.problem}" if self._sender.problem else ""
            _say(f"{undelivered} events of this run were not delivered to {self._url}{why}")
        if self.trouble:
            _say(f"something that miniwdl said was not understood, {self.trouble}")

    def _put(self, act: Callable[[WdlRun, int], list[Event]]) -> None:
        with self._locked():
            for event in act(self._run, _now()):
                self._sender.put(event)

    def _heartbeat(self) -> Event:
        with self._locked():
            return self._run.heartbeat(_now())

    def _locked(self) -> "threading.RLock":
        assert self.lock is not None
        return self.lock


def _outcome(failure: Exception | None) -> tuple[str, int, str]:
    """State, exit code and message of a run that ended with this."""
    if failure is None:
        return "succeeded", 0, ""
    chain: list[BaseException] = [failure]
    while (cause := chain[-1].__cause__) is not None and len(chain) < 10:
        chain.append(cause)
    code = next((c for e in chain if isinstance(c := getattr(e, "exit_status", None), int)), _STOPPED)
    stopped = any(isinstance(e, Terminated) for e in chain)
    return "cancelled" if stopped else "failed", code, str(chain[-1])


def _say(text: str) -> None:
    print(f"runtracker: {text}", file=sys.stderr)


def _now() -> int:
    return round(time.time() * 1000)
