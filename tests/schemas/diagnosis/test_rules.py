"""The rules of the diagnosis, held against situations: what was said and measured there, and what must be answered.

The texts are those of Nextflow, schedulers, clouds and tools as public reports have them; recorded runs are in
`test_recorded.py`.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.diagnosis import advice
from schemas.diagnosis.causes import Certainty
from schemas.diagnosis.facts import NO_EXIT, STDERR_MOST, TEXT_MOST, Facts, last_lines, of_texts, read_report
from schemas.diagnosis.rules import diagnose
from schemas.diagnosis.table import RULES
from schemas.texts import nextflow_config

GIB, HOUR = 2**30, 3_600_000


def report(cause: str, exit_status: object = 1, stderr: str = "", name: str = "QC:FASTQC (s1)") -> str:
    """An error report as Nextflow writes it."""
    lines = [f"Error executing process > '{name}'", "", "Caused by:", f"  {cause}", "", "", "Command executed:", "",
             '  echo "No space left on device"', "  exit 1", "", "Command exit status:", f"  {exit_status}", "",
             "Command output:", "  (empty)", ""]  # fmt: skip
    if stderr:
        lines += ["Command error:", *(f"  {line}" for line in stderr.split("\n")), ""]
    return "\n".join(
        [*lines, "Work dir:", "  /w/29/d64703", "", "Tip: you can try to figure out what's wrong"]
    )


ENDED = "Process `QC:FASTQC (s1)` terminated with an error exit status (1)"
#: name → (message, report, figures, rule, certainty, what stands in the evidence, what stands in the configuration)
SITUATIONS: dict[str, tuple[str, str, dict[str, Any], str | None, str, str, str]] = {
    "SIGTERM from the terminal": ("SIGTERM", "SIGTERM", {"cancelled": True}, "cancelled", "certain", "signal", ""),
    "AWS Batch kills for memory": (
        "", report("OutOfMemoryError: Container killed due to memory usage", 137), {"exit": 137, "memory": 8 * GIB},
        "out-of-memory", "certain", "Container killed due to memory usage", "memory = { 16.GB * task.attempt }",
    ),
    "SLURM's cgroup kills for memory": (
        "", report(ENDED, 1, "slurmstepd: error: Detected 1 oom-kill event(s) in step 50574351.batch cgroup."), {"exit": 1},
        "out-of-memory", "certain", "Detected 1 oom-kill event(s)", "errorStrategy = 'retry'",
    ),
    "Kubernetes kills for memory": (
        "", report("K8s pod terminated: OOMKilled", 137), {"exit": 137}, "out-of-memory", "certain", "OOMKilled", "memory",
    ),
    "Java's heap is full": (
        "", report(ENDED, 2, 'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space'),
        {"exit": 2, "memory": 512 * 2**20}, "java-heap", "certain", "Java heap space", "1024.MB",
    ),
    "C++ cannot allocate": (
        "", report(ENDED, 134, "terminate called after throwing an instance of 'std::bad_alloc'"), {"exit": 134},
        "allocation-failed", "certain", "std::bad_alloc", "memory",
    ),
    "R cannot allocate": (
        "", report(ENDED, 1, "Error: cannot allocate vector of size 7.5 Gb"), {"exit": 1},
        "allocation-failed", "certain", "7.5 Gb", "memory",
    ),
    "killed with its memory full": (
        "", report(ENDED, 137), {"exit": 137, "memory": 8 * GIB, "peak_memory": int(7.9 * GIB)},
        "memory-at-limit", "certain", "peak memory 7.9 GiB of 8.0 GiB requested", "16.GB",
    ),
    "killed, and nobody measured": ("", report(ENDED, 137), {"exit": 137}, "killed", "likely", "exit status 137", "8.GB"),
    "killed with memory to spare": (
        "", report(ENDED, 137), {"exit": 137, "memory": 8 * GIB, "peak_memory": GIB}, "killed", "likely", "137", "16.GB",
    ),
    "a segmentation fault": ("", report(ENDED, 139, "Segmentation fault"), {"exit": 139}, "crashed", "likely", "139", "memory"),
    "metaSPAdes without memory": (
        "", report(ENDED, 250), {"exit": 250, "process": "MAG:METASPADES"},
        "assembler-memory", "likely", "250", "'MAG:METASPADES'",
    ),
    "250 of another tool": ("", report(ENDED, 250), {"exit": 250}, None, "unknown", "exit status 250", ""),
    "the local executor's limit": (
        "", report("Process exceeded running time limit (2h)", "-"), {"exit": NO_EXIT, "time_limit": 2 * HOUR},
        "time-limit", "certain", "running time limit (2h)", "time = { 4.h * task.attempt }",
    ),
    "SLURM's time limit": (
        "", report(ENDED, 140, "slurmstepd: error: *** JOB 1 ON c1 CANCELLED AT 2026-10-02T14:02:37 DUE TO TIME LIMIT ***"),
        {"exit": 140, "time_limit": HOUR}, "time-limit", "certain", "DUE TO TIME LIMIT", "2.h",
    ),
    "ended with its time up": (
        "", report(ENDED, 143), {"exit": 143, "time_limit": HOUR, "ran": HOUR + 2000},
        "time-at-limit", "certain", "ran 1 h 0 min of 1 h 0 min allowed", "time = { 2.h * task.attempt }",
    ),
    "140 alone": ("", report(ENDED, 140), {"exit": 140}, "soft-limit", "likely", "140", "time"),
    "143 alone": ("", report(ENDED, 143), {"exit": 143}, "terminated", "likely", "143", "retry"),
    "AWS takes a spot machine": (
        "", report("Task failed to start - Host EC2 (instance i-0123) terminated.", "-"),
        {"exit": NO_EXIT, "price_model": "spot"},
        "spot-reclaimed", "certain", "Host EC2 (instance i-0123)", "aws.batch.maxSpotAttempts = 5",
    ),
    "Google takes a spot machine": ("", report(ENDED, 50001), {"exit": 50001}, "google-spot", "certain", "50001", "google.batch"),
    "no exit status on a spot machine": (
        "", report("Process `A` terminated for an unknown reason -- Likely it has been terminated by the external system", "-"),
        {"exit": NO_EXIT, "price_model": "spot"}, "spot-killed", "likely", "price model spot", "maxSpotAttempts",
    ),
    "no exit status": (
        "", report("Process `A` terminated for an unknown reason -- Likely it has been terminated by the external system", "-"),
        {"exit": NO_EXIT}, "lost", "likely", "unknown reason", "retry",
    ),
    "the image is not there": (
        "", report("CannotPullContainerError: Error response from daemon: manifest unknown", "-"), {"exit": NO_EXIT},
        "image-pull", "certain", "CannotPullContainerError", "container =",
    ),
    "singularity cannot pull": (
        "", report("Failed to pull singularity image\n  command: singularity pull x\n  status : 255", "-"), {},
        "image-pull", "certain", "Failed to pull singularity image", "container =",
    ),
    "Docker Hub refuses more": (
        "", report(ENDED, 125, "docker: toomanyrequests: You have reached your pull rate limit."), {"exit": 125},
        "image-rate-limit", "certain", "toomanyrequests", "retry",
    ),
    "Docker is not there": (
        "", report(ENDED, 127, ".command.run: line 295: docker: command not found"), {"exit": 127},
        "engine-missing", "certain", "docker: command not found", "",
    ),
    "a queue without such machines": (
        "", report("unschedulable AWS Batch job 1 (A) - MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT", "-"), {},
        "unschedulable", "certain", "MISCONFIGURATION", "resourceLimits",
    ),
    "HealthOmics has no machine": (
        "INSTANCE_RESERVATION_FAILED: wait and try the run again", "", {"process": ""},
        "no-capacity", "certain", "INSTANCE_RESERVATION_FAILED", "retry",
    ),
    "HealthOmics kills for memory": (
        "OUT_OF_MEMORY_ERROR", "", {"memory": 8 * GIB}, "out-of-memory", "certain", "OUT_OF_MEMORY_ERROR", "16.GB",
    ),
    "HealthOmics may not use the image": (
        "ECR_PERMISSION_ERROR", "", {}, "image-pull", "certain", "ECR_PERMISSION_ERROR", "container =",
    ),
    "HealthOmics's file system is full": (
        "FILE_SYSTEM_OUT_OF_SPACE", "", {"process": ""}, "disk-full", "certain", "FILE_SYSTEM_OUT_OF_SPACE", "",
    ),
    "HealthOmics may not take the role": (
        "ASSUME_ROLE_FAILED", "", {"process": ""}, "access-denied", "certain", "ASSUME_ROLE_FAILED", "",
    ),
    "HealthOmics lets a run end after its time": (
        "RUN_TIMED_OUT", "", {"process": ""}, "time-limit", "certain", "RUN_TIMED_OUT", "time",
    ),
    "a command is missing": (
        "", report(ENDED, 127, ".command.sh: line 2: fastqc: command not found"), {"exit": 127},
        "command-missing", "certain", "exit status 127", "withName: 'QC:FASTQC'",
    ),
    "a script of bin is not executable": (
        "", report(ENDED, 126, ".command.sh: line 2: /p/bin/x.py: Permission denied"), {"exit": 126},
        "not-executable", "certain", "126", "",
    ),
    "no ps in the image": (
        "", report(ENDED, 1, "Command 'ps' required by nextflow to collect task metrics cannot be found"), {"exit": 1},
        "ps-missing", "certain", "'ps' required", "container",
    ),
    "an output is missing": (
        "", report("Missing output file(s) `*.html` expected by process `QC:FASTQC (s1)`", 0), {"exit": 0},
        "missing-output", "certain", "`*.html`", "optional: true",
    ),
    "more memory than there is": (
        "", report("Process requirement exceeds available memory -- req: 72 GB; avail: 51 GB", "-"), {},
        "requirement-too-large", "certain", "avail: 51 GB", "resourceLimits = [ memory: 51.GB ]",
    ),
    "more CPUs than there are": (
        "", report("Process requirement exceeds available CPUs -- req: 4; avail: 2", "-"), {},
        "requirement-too-large", "certain", "avail: 2", "resourceLimits = [ cpus: 2 ]",
    ),
    "a full disk": (
        "", report(ENDED, 1, "sort: write failed: /tmp/x: No space left on device"), {"exit": 1},
        "disk-full", "certain", "/tmp/x: No space left", "scratch",
    ),
    "a full disk in the script only": ("", report(ENDED, 1), {"exit": 1}, None, "unknown", "exit status 1", ""),
    "conda fails": (
        "", report("Failed to create Conda environment\n  command: mamba env create", "-"), {},
        "conda", "certain", "Conda", "createTimeout",
    ),
    "the scheduler refuses": (
        "Failed to submit process to grid scheduler for execution",
        report("Failed to submit process to grid scheduler for execution", "-"), {},
        "not-submitted", "certain", "grid scheduler", "queue",
    ),
    "a parameter is missing": (
        "", "Missing required parameter(s): input, outdir", {"process": ""}, "parameters", "certain", "input, outdir", "",
    ),
    "an input file is missing": (
        "", "No such file or directory: /data/sheet.csv", {"process": ""}, "input-missing", "certain", "/data/sheet.csv", "",
    ),
    "a profile is unknown": (
        "", "Unknown configuration profile: 'slurm_shpc'", {"process": ""}, "profile", "certain", "slurm_shpc", "",
    ),
    "a variable is unknown": (
        "No such variable: foo", "No such variable: foo\n\n -- Check script 'main.nf' at line: 12", {"process": ""},
        "script-error", "certain", "foo", "",
    ),
    "a session is locked": (
        "", "Unable to acquire lock on session with ID cbedbec4", {"process": ""}, "session-locked", "certain", "cbedbec4", "",
    ),
    "two inputs of one name": (
        "", report("Process `A` input file name collision -- There are multiple input files for x.bam", "-"), {},
        "input-collision", "certain", "x.bam", "",
    ),
    "a bucket is closed": (
        "", report("Access Denied (Service: Amazon S3; Status Code: 403)", "-"), {}, "access-denied", "certain", "Amazon S3", "",
    ),
    "a Python module is missing": (
        "", report(ENDED, 1, "ModuleNotFoundError: No module named 'pysam'"), {"exit": 1},
        "library-missing", "certain", "pysam", "container",
    ),
    "another kind of CPU": (
        "", report(ENDED, 1, "exec /usr/bin/bash: exec format error"), {"exit": 1},
        "wrong-architecture", "certain", "exec format", "",
    ),
    "a host is not reached": (
        "", report(ENDED, 6, "curl: (6) Could not resolve host: ftp.ebi.ac.uk"), {"exit": 6},
        "network", "likely", "ebi.ac.uk", "retry",
    ),
    "a file may not be read": (
        "", report(ENDED, 1, "cat: /ref/x.fa: Permission denied"), {"exit": 1}, "permission-denied", "likely", "/ref/x.fa", "",
    ),
    "Fusion's snapshot": ("", report(ENDED, 175), {"exit": 175}, "fusion", "likely", "175", "retry"),
    "the tool's own error": (
        "bad reference: contig chrUn_42 not found", report(ENDED, 3, "bad reference: contig chrUn_42 not found"), {"exit": 3},
        None, "unknown", "chrUn_42", "",
    ),
    "nothing is known": ("", "", {"process": ""}, None, "unknown", "", ""),
}  # fmt: skip


def facts(message: str, whole_report: str, figures: dict[str, Any]) -> Facts:
    texts = of_texts(message, read_report(whole_report), whole_report)
    return Facts(**({"process": "QC:FASTQC", "runner_text": texts.runner, "tool_text": texts.tool} | figures))


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(name: str) -> None:
    message, whole_report, figures, rule, certainty, evidence, config = SITUATIONS[name]
    cause = diagnose(RULES, facts(message, whole_report, figures))
    assert (cause.rule, cause.certainty) == (rule, certainty)
    assert evidence in "; ".join(map(str, cause.evidence)) and config in (cause.config or "")
    assert cause.cause.endswith(".") and cause.advice.endswith(".")
    if not config:
        assert cause.config is None or rule is not None


def test_there_are_situations_of_most_rules_and_names_are_used_once() -> None:
    assert len(SITUATIONS) >= 25
    names = [r.id for r in RULES]
    assert len(set(names)) == len(names)
    shown = {s[3] for s in SITUATIONS.values()}
    assert len(shown & set(names)) >= 0.75 * len(names)
    for rule in RULES:
        assert rule.exits or rule.runner_says or rule.tool_says or rule.figures, rule.id
        assert all(p == p.lower() for p in rule.runner_says + rule.tool_says), rule.id
        assert rule.certainty in (Certainty.CERTAIN, Certainty.LIKELY)


def test_other_runners_get_no_configuration_of_nextflow() -> None:
    for _, (message, whole_report, figures, *_) in SITUATIONS.items():
        assert diagnose(RULES, facts(message, whole_report, figures | {"nextflow": False})).config is None


@pytest.mark.parametrize("process", ["", "a'b", "P } evil {", "päivä", "A\nB", "x" * 301, "a/b"])
def test_names_that_are_no_processs_are_never_written_into_configuration(process: str) -> None:
    assert nextflow_config.selector(process) is None
    config = advice.more_memory(Facts(process=process))
    assert config and "withName" not in config and (not process or process not in config)


def test_figures_are_written_as_nextflow_reads_them() -> None:
    assert [nextflow_config.memory_text(x) for x in (1, 300 * 2**20, GIB, 1.5 * GIB)] == [
        "1.MB",
        "300.MB",
        "1024.MB",
        "2.GB",
    ]
    assert [nextflow_config.time_text(x) for x in (1, 90_000, HOUR, 1.2 * HOUR)] == [
        "1.m",
        "2.m",
        "1.h",
        "2.h",
    ]


def test_parts_of_a_report() -> None:
    its = read_report(report(ENDED, 3, "one\ntwo", "A:B (x > y)"))
    assert (its.subject, its.cause.strip(), its.stderr.strip(), its.exit) == (
        "A:B (x > y)",
        ENDED,
        "one\ntwo",
        3,
    )
    assert read_report(report(ENDED, "-")).exit is None
    assert not read_report("boom").has_parts and read_report("boom").subject == ""


def test_the_end_of_a_text_is_whole_lines() -> None:
    assert last_lines("a\nb\nc\n\n", 2, 100) == "b\nc"
    assert last_lines("x" * 50, 2, 10) == "x" * 10
    assert last_lines("", 2, 10) == ""


_ODD = st.text(st.characters(), max_size=300)
_NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1)


@given(
    message=_ODD, text=st.sampled_from([s[1] for s in SITUATIONS.values()]), more=_ODD, exit_status=_NUMBERS, memory=_NUMBERS,
    peak=_NUMBERS, limit=_NUMBERS, ran=_NUMBERS, process=_ODD, model=_ODD, spot=st.integers(-5, 2**62),
)  # fmt: skip
def test_whatever_was_told_there_is_an_answer(
    message: str, text: str, more: str, exit_status: int | None, memory: int | None, peak: int | None, limit: int | None,
    ran: int | None, process: str, model: str, spot: int,
) -> None:  # fmt: skip
    for whole_report in (text + more, more + text, more):
        figures = {
            "exit": exit_status, "memory": memory, "peak_memory": peak, "time_limit": limit, "ran": ran, "process": process,
            "price_model": model, "spot_interruptions": spot,
        }  # fmt: skip
        cause = diagnose(RULES, facts(message, whole_report, figures))
        assert cause.cause and cause.advice
        assert sum(len(str(e)) for e in cause.evidence) < 2000


LONG = {
    "long": "x" * 10**7,
    "lines": "\n" * 10**7,
    "headings": "Caused by:\n" * 10**6,
    "escapes": "\x1b[" * 5 * 10**6,
    "parts": "Command error:\n  \n" * 10**6,
    "letters": "İ" * 10**6,
    "figures": "avail:" * 10**6,
}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_of_long_texts_only_a_bounded_part_is_searched(text: str) -> None:
    its = of_texts(text, read_report(text), text, text)
    assert len(its.runner) + len(its.tool) <= 4 * TEXT_MOST + 2 * STDERR_MOST
    assert diagnose(RULES, Facts(runner_text=its.runner, tool_text=its.tool)).cause
