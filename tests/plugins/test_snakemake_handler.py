"""The handler that Snakemake loads: whatever happens, it neither raises nor waits."""

import logging
import types
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from snakemake_logger_plugin_runtracker import LogHandler, LogHandlerSettings
from snakemake_logger_plugin_runtracker.benchmarks import benchmark_figures
from snakemake_logger_plugin_runtracker.logs import end_of_log


def handler(dryrun: bool = False) -> LogHandler:
    settings = LogHandlerSettings(url="http://127.0.0.1:9", close_seconds=0.1)
    return LogHandler(types.SimpleNamespace(dryrun=dryrun), settings)  # type: ignore[arg-type]


def record(**attributes: object) -> logging.LogRecord:
    return logging.makeLogRecord(attributes)


START = {
    "event": "workflow_started",
    "cwd": "/lab",
    "snakefile_main": "/lab/Snakefile",
    "msg": "Workflow has started!",
}


def test_snakemake_finds_it() -> None:
    plugin = LoggerPluginRegistry().get_plugin("runtracker")
    assert getattr(plugin, "log_handler", None) is LogHandler


def test_a_record_that_nobody_understands_is_said_once_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    mine = handler()
    for attributes in (
        START,
        {"event": "job_info"},
        {"event": "progress", "done": "x"},
        {"event": "of tomorrow"},
    ):
        mine.handle(record(**attributes))
    mine.close()
    mine.close()
    said = capsys.readouterr().err
    assert (
        said.count("was not understood, KeyError") == 1
        and said.count("were not delivered to http://127.0.0.1:9") == 1
    )


def test_a_dry_run_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    mine = handler(dryrun=True)
    mine.handle(record(**START))
    mine.close()
    assert capsys.readouterr().err == ""


def test_figures_of_a_benchmark(tmp_path: Path) -> None:
    file = tmp_path / "b.tsv"
    file.write_text(
        "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        "9.0\t0:00:09\t1\t1\t1\t1\t1\t1\t1\t1\n1.25\t0:00:01\t4.5\tNA\t0.41\t0.95\t0.5\t-1\t171.5\t0.00\n"
    )
    assert benchmark_figures(str(file)) == {
        "realtime_ms": 1250, "peak_rss_bytes": 4_718_592, "read_bytes": 524_288, "cpu_percent": 171.5
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"\xff\x00\n\xfe", b"s\tmax_rss\n", b"s\nNA\n", b"s\n1e999\n"])
def test_a_benchmark_that_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "b.tsv").write_bytes(content)
    assert benchmark_figures(str(tmp_path / "b.tsv")) == {}
    assert benchmark_figures(str(tmp_path / "none")) == {} and end_of_log(str(tmp_path)) == ""


def test_the_end_of_a_log_is_short(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 10_000 + "no such sample")
    end = end_of_log(str(tmp_path / "log"))
    assert len(end) == 4096 and end.endswith("no such sample")
