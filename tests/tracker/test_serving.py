"""How a process ends: one SIGTERM is enough; who presses Ctrl-C is told what it costs, and presses it again."""

import asyncio
import gc
from signal import SIGINT, SIGTERM, Signals

import pytest
import uvicorn
from starlette.applications import Starlette

from schemas.settings import Settings
from tests.support.services.process import free_port
from tracker.processes.up import warning
from tracker.serving import Server, serve


def ends_after(*signals: Signals, interactive: bool, text: str = "", fails: bool = False) -> list[bool]:
    """After each signal, whether the server is to end."""

    async def warn() -> str:
        if fails:
            raise OSError("away")
        return text

    async def work() -> list[bool]:
        server = Server(uvicorn.Config("none"), warn, interactive)
        ends = []
        for number in signals:
            server.stop(number)
            at_once = server.should_exit
            assert server.warning is not None
            await server.warning
            ends.append(server.should_exit)
            assert at_once or number == SIGINT, "nothing holds SIGTERM up"
        return ends

    return asyncio.run(work())


def test_one_sigterm_ends_it_and_names_the_live_runs(capsys: pytest.CaptureFixture[str]) -> None:
    for interactive in (False, True):
        assert ends_after(SIGTERM, interactive=interactive, text="mad_mayer is live") == [True]
        assert capsys.readouterr().err == "mad_mayer is live\n"


def test_ctrl_c_while_runs_are_live_is_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert ends_after(SIGINT, SIGINT, interactive=True, text="mad_mayer is live") == [False, True]
    assert "mad_mayer is live" in capsys.readouterr().err
    assert ends_after(SIGINT, SIGTERM, interactive=True, text="mad_mayer is live") == [False, True]
    assert ends_after(SIGINT, interactive=False, text="mad_mayer is live") == [True]


def test_ctrl_c_ends_it_where_nothing_is_live_or_nobody_knows() -> None:
    assert ends_after(SIGINT, interactive=True) == [True]
    assert ends_after(SIGINT, interactive=True, fails=True) == [True]


def test_the_warning_names_some_runs() -> None:
    assert warning([], False) == ""
    text = warning(["mad_mayer", "x\x1b[31m", "n" * 500], True)
    assert "mad_mayer, x\\x1b[31m, nnn" in text and "and more" in text and len(text) < 600


def test_no_collection_walks_what_was_there_when_it_began_to_serve() -> None:
    async def counted() -> int:
        counts = []

        async def beside() -> None:
            counts.append(gc.get_freeze_count())

        task = asyncio.create_task(beside())
        await serve(Starlette(), Settings(port=free_port()), task)
        return counts[0]

    there = len(gc.get_objects())
    try:
        assert asyncio.run(counted()) > there / 2
    finally:
        gc.unfreeze()
