"""miniwdl reports to a Run Tracker: the plugins that it calls for workflows and tasks.

Without an address in the configuration they do nothing. They never change what they are given.
"""

import logging
from collections.abc import Generator
from typing import Any

from .reporter import Reporter, begin

_Received = Generator[Any, Any, None]


def workflow(
    cfg: Any, logger: logging.Logger, run_id_stack: list[str], run_dir: str, workflow: Any, **recv: Any
) -> _Received:
    """Called for the workflow, and for each that it calls: the outermost is the run."""
    reporter = None if run_id_stack[1:] else begin(cfg, logger, run_dir, workflow, recv["inputs"])
    yield from _until_over(reporter, recv)


def task(
    cfg: Any, logger: logging.Logger, run_id_stack: list[str], run_dir: str, task: Any, **recv: Any
) -> _Received:
    """Called for a task that is not in the call cache, once for all of its attempts; started alone it is the run."""
    alone = None if run_id_stack[1:] else begin(cfg, logger, run_dir, task, recv["inputs"])
    reporter, key = alone or Reporter.current, tuple(run_id_stack)
    if alone:  # it was set up before anybody listened
        alone.set_up(key, task.name, run_dir)
    failure: Exception | None = None
    try:
        recv = yield recv
        if reporter:
            reporter.started(key, recv["command"], recv["container"].runtime_values)
        recv = yield recv
        yield recv  # its outputs are there; that it is done, the log says
    except Exception as e:
        failure = e
        if reporter:
            reporter.failed(key, e)
        raise
    finally:
        if alone:
            alone.end(failure)


def _until_over(reporter: Reporter | None, recv: Any) -> _Received:
    failure: Exception | None = None
    try:
        recv = yield recv
        yield recv  # its outputs are there
    except Exception as e:
        failure = e
        raise
    finally:
        if reporter:
            reporter.end(failure)
