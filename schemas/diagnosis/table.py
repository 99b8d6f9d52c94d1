"""The rules of the diagnosis, in their order: the first that fits is the cause.

So what a scheduler or a runner says for certain comes first, then what figures show, then what an exit status alone suggests.
Where each comes from stands in docs/diagnosis.md.
"""

from schemas.diagnosis import advice
from schemas.diagnosis.causes import Cause, Certainty
from schemas.diagnosis.facts import NO_EXIT, Facts
from schemas.diagnosis.rules import Rule, diagnose
from schemas.texts.units import duration, size

_CERTAIN, _LIKELY = Certainty.CERTAIN, Certainty.LIKELY
#: Of the memory or the time that was asked for, from which on it is taken to be at its limit.
_NEARLY_ALL = 0.95
#: Exit statuses of a command that was killed: SIGKILL, and 247 where a wrapper reports it as -9.
_KILLED = frozenset({137, 247})

_MORE_MEMORY = "Give the process more memory, and more with each attempt."
_MORE_TIME = "Give the process more time, and more with each attempt."


def _memory_full(facts: Facts) -> str | None:
    if facts.memory and facts.peak_memory and facts.peak_memory >= _NEARLY_ALL * facts.memory:
        return f"peak memory {size(facts.peak_memory)} of {size(facts.memory)} requested"
    return None


def _time_up(facts: Facts) -> str | None:
    if facts.time_limit and facts.ran and facts.ran >= _NEARLY_ALL * facts.time_limit:
        return f"ran {duration(facts.ran)} of {duration(facts.time_limit)} allowed"
    return None


def _on_spot(facts: Facts) -> str | None:
    return "price model spot" if facts.price_model.lower() in ("spot", "preemptible") else None


def _interrupted(facts: Facts) -> str | None:
    n = facts.spot_interruptions
    return f"{n} spot interruption{'' if n == 1 else 's'}" if n > 0 else None


def _cancelled(facts: Facts) -> str | None:
    return "the runner ended by a signal" if facts.cancelled else None


def _assembler(facts: Facts) -> str | None:
    name = facts.process.lower()
    return (
        "an assembler, which ends so when memory runs out" if "spades" in name or "megahit" in name else None
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "cancelled", _CERTAIN, "Somebody or the scheduler stopped the run.",
        "Nothing is wrong with the pipeline itself. Resume it; look at the scheduler's limits if nobody stopped it.",
        figures=_cancelled,
    ),
    # --- Memory, as somebody says
    Rule(
        "out-of-memory", _CERTAIN, "The task was killed because it used more memory than it was given.", _MORE_MEMORY,
        runner_says=(
            "outofmemoryerror: container killed", "oomkilled", "oom killed", "oom-kill event", "exceeded memory limit",
            "exceeded job memory limit", "memory limit exceeded", "out_of_memory_error",
        ),
        tool_says=(
            "oom-kill event", "cgroup out-of-memory handler", "oomkilled", "exceeded job memory limit", "term_memlimit",
            "exceeded memory limit", "out of memory: kill",
        ),
        config=advice.more_memory,
    ),
    Rule(
        "java-heap", _CERTAIN, "Java ran out of heap memory in the task.",
        "Give the process more memory; if its -Xmx is fixed in the script, raise that too.",
        tool_says=("java.lang.outofmemoryerror", "gc overhead limit exceeded", "java heap space"),
        config=advice.more_memory,
    ),
    Rule(
        "allocation-failed", _CERTAIN, "The tool could not allocate memory.", _MORE_MEMORY,
        tool_says=(
            "std::bad_alloc", "cannot allocate memory", "cannot allocate vector of size", "memoryerror",
            "for an array with shape", "failed to allocate memory", "not enough memory",
        ),
        config=advice.more_memory,
    ),
    # --- Time and machines, as somebody says
    Rule(
        "time-limit", _CERTAIN, "The task was killed because its time was up.", _MORE_TIME,
        runner_says=("process exceeded running time limit", "due to time limit", "job attempt duration exceeded timeout",
                     "run_timed_out", "task_timed_out"),
        tool_says=("due to time limit", "term_runlimit", "job killed: walltime", "exceeded hard wallclock time"),
        config=advice.more_time,
    ),
    Rule(
        "spot-reclaimed", _CERTAIN, "The cloud took the spot machine away.",
        "Let such tasks be tried again: since Nextflow 24.10 that is off unless it is set. Long tasks go on on-demand machines.",
        runner_says=("host ec2 (instance", "due to preemption", "spot reclamation", "preempted", "spot interruption"),
        tool_says=("due to preemption",),
        config=advice.spot_retries,
    ),
    Rule(
        "google-spot", _CERTAIN, "The cloud took the spot machine away.",
        "Let such tasks be tried again: since Nextflow 24.10 that is off unless it is set. Long tasks go on on-demand machines.",
        exits=frozenset({50001}), config=advice.spot_retries,
    ),
    Rule(
        "cloud-batch", _LIKELY, "Google Batch failed, not the command.", "Try it again; look at the job in the cloud's console.",
        exits=frozenset({50000, 50002, 50003, 50004, 50005, 50006}), config=advice.retry,
    ),
    Rule(
        "unschedulable", _CERTAIN, "No machine of the queue can ever run this task.",
        "Ask for less, or give the compute environment machines that are large enough.",
        runner_says=("unschedulable", "misconfiguration:", "nodes are available:", "invalid_task_resource_value",
                     "unsupported_gpu_instance_type"),
        config=advice.limits,
    ),
    Rule(
        "no-capacity", _CERTAIN, "The cloud has no machine of this kind to give for now.",
        "Try it again later, in another zone or region, or with other kinds of machines.",
        runner_says=("instance_reservation_failed", "insufficientinstancecapacity", "zone_resource_pool_exhausted"),
        config=advice.retry,
    ),
    Rule(
        "evicted", _CERTAIN, "Kubernetes evicted the pod from its node.",
        "Request the memory and disk that the task really uses, so that its node has them.",
        runner_says=("evicted", "the node was low on resource"), tool_says=("the node was low on resource",),
        config=advice.more_memory,
    ),
    # --- Images and engines
    Rule(
        "image-rate-limit", _CERTAIN, "The registry refuses more pulls for now.",
        "Log in to the registry, mirror the image, or try again later.",
        runner_says=("toomanyrequests", "pull rate limit"), tool_says=("toomanyrequests", "pull rate limit"),
        config=advice.retry,
    ),
    Rule(
        "image-timeout", _CERTAIN, "Pulling the image took too long.", "Allow more time for the pull.",
        runner_says=("singularity.pulltimeout", "apptainer.pulltimeout"), config=advice.pull_timeout,
    ),
    Rule(
        "image-pull", _CERTAIN, "The container image could not be pulled.",
        "Check the name and tag of the image, the registry and its credentials.",
        runner_says=(
            "cannotpullcontainer", "failed to pull singularity image", "failed to pull apptainer image",
            "failed to pull docker image",
            "failed to pull charliecloud image", "imagepullbackoff", "errimagepull", "invalid image name", "manifest unknown",
            "pull access denied", "container image cannot be found", "unable to create wave container",
            "cannot_start_container", "ecr_permission_error", "image_verification_failure", "invalid_ecr_image_uri",
        ),
        tool_says=("manifest unknown", "pull access denied", "unable to find image", "repository does not exist",
                   "error response from daemon: manifest for", "unable to pull docker://"),
        config=advice.container,
    ),
    Rule(
        "engine-missing", _CERTAIN, "The container engine is not there or does not answer.",
        "Start or install it where the tasks run, or use another profile.",
        tool_says=("cannot connect to the docker daemon", "docker: command not found", "singularity: command not found",
                   "apptainer: command not found", "podman: command not found"),
    ),
    Rule(
        "wrong-architecture", _CERTAIN, "The program is built for another kind of CPU.",
        "Use an image for this machine, or machines of the image's kind.",
        tool_says=("exec format error",), config=advice.container,
    ),
    Rule(
        "ps-missing", _CERTAIN, "The image has no ps, which Nextflow needs to measure tasks.",
        "Add the package procps to the image, or use another.",
        exits=frozenset({1, 127}), tool_says=("command 'ps' required by nextflow",), config=advice.container,
    ),
    # --- What the runner found wrong before or after the command
    Rule(
        "requirement-too-large", _CERTAIN, "The process asks for more than this machine has.",
        "Cap what processes ask for at what is there.",
        runner_says=("process requirement exceeds available",), config=advice.limits,
    ),
    Rule(
        "missing-output", _CERTAIN, "The command ended well, but did not make a file that the process declares.",
        "Look whether the command wrote it under another name; if it may make none, declare it as optional.",
        runner_says=("missing output file(s)", "missing value declared as output parameter"), config=advice.optional_output,
    ),
    Rule(
        "input-collision", _CERTAIN, "Two input files of the task have the same name.",
        "Rename them, or stage them under other names: path(x, stageAs: 'in?/*').",
        runner_says=("input file name collision",),
    ),
    Rule(
        "parameters", _CERTAIN, "The parameters do not pass the pipeline's own checks.",
        "Give or correct the parameters that the message names.",
        runner_says=("missing required parameter", "validation of pipeline parameters failed",
                     "invalid input values have been detected",
                     "validation of file failed", "parameter validation failed"),
    ),
    Rule(
        "profile", _CERTAIN, "The configuration has no profile of that name.", "Correct -profile on the command line.",
        runner_says=("unknown configuration profile",),
    ),
    Rule(
        "input-missing", _CERTAIN, "An input file is not there.", "Check the path, and that this machine or account can read it.",
        runner_says=("no such file or directory:", "cannot find any file", "no files match pattern", "not a valid path value",
                     "file does not exist", "input_uri_not_found", "invalid_uri_in_input"),
    ),
    Rule(
        "script-error", _CERTAIN, "The pipeline's script or configuration has an error.",
        "Correct it where the message says, or use a released revision of the pipeline.",
        runner_says=("no such variable:", "no such property:", "script compilation error", "script compilation failed",
                     "unable to parse config file", "no signature of method", "missing process or function",
                     "unknown process directive", "groovyruntimeexception", "module compilation error"),
    ),
    Rule(
        "session-locked", _CERTAIN, "Another run works on this session, or one died and left its lock.",
        "Wait for the other run or stop it; then resume.",
        runner_says=("unable to acquire lock on session",),
    ),
    Rule(
        "conda", _CERTAIN, "The Conda environment could not be made.",
        "Read what conda said: a package that is gone, a channel that does not answer, or a time that was too short.",
        runner_says=("failed to create conda environment", "conda environment failed"), config=advice.conda,
    ),
    Rule(
        "not-submitted", _CERTAIN, "The scheduler did not take the job.",
        "Read what it said: most often the queue, the account or an option is wrong.",
        runner_says=("failed to submit process to grid scheduler", "failed to submit job", "error submitting process"),
        config=advice.queue,
    ),
    Rule(
        "access-denied", _CERTAIN, "The cloud refuses access with these credentials.",
        "Check the role or key of the tasks and of the runner, and the bucket's policy.",
        runner_says=("access denied (service:", "accessdenied", "status code: 403", "unable to load aws credentials",
                     "unable to load credentials", "assume_role_failed"),
        tool_says=("an error occurred (accessdenied)", "an error occurred (403)", "unable to locate credentials"),
    ),
    # --- Disk
    Rule(
        "disk-full", _CERTAIN, "A disk is full.",
        "Free it, or give tasks another: disk on clouds, scratch or the work directory elsewhere.",
        runner_says=("no space left on device", "disk quota exceeded", "file_system_out_of_space"),
        tool_says=("no space left on device", "disk quota exceeded"), config=advice.scratch,
    ),
    # --- What figures show
    Rule(
        "memory-at-limit", _CERTAIN, "The task was killed after it used all the memory it was given.", _MORE_MEMORY,
        exits=_KILLED | {134, 139, 104, 143}, figures=_memory_full, config=advice.more_memory,
    ),
    Rule(
        "time-at-limit", _CERTAIN, "The task was killed when its time was up.", _MORE_TIME,
        exits=frozenset({137, 138, 140, 143, 130, NO_EXIT}), figures=_time_up, config=advice.more_time,
    ),
    Rule(
        "spot-interrupted", _LIKELY, "The cloud took the spot machine away, more than once or for good.",
        "Let such tasks be tried again, or run them on on-demand machines.",
        exits=frozenset({1, 130, 137, 143, NO_EXIT}), figures=_interrupted, config=advice.spot_retries,
    ),
    Rule(
        "spot-killed", _LIKELY, "The cloud took the spot machine away.",
        "Let such tasks be tried again, or run them on on-demand machines.",
        exits=frozenset({143, NO_EXIT}), figures=_on_spot, config=advice.spot_retries,
    ),
    # --- What the command says
    Rule(
        "command-missing", _CERTAIN, "A command was not found where the task ran.",
        "Use an image or environment for the process that has it; a script of bin/ must be executable.",
        exits=frozenset({127}), config=advice.container,
    ),
    Rule(
        "not-executable", _CERTAIN, "A command could not be executed.", "Make it executable: chmod +x on what lies in bin/.",
        exits=frozenset({126}),
    ),
    Rule(
        "library-missing", _CERTAIN, "A library that the command needs is not there.",
        "Use an image or environment for the process that has it.",
        tool_says=("modulenotfounderror", "importerror: no module named", "there is no package called",
                   "error while loading shared libraries", "in @inc"),
        config=advice.container,
    ),
    Rule(
        "network", _LIKELY, "A host could not be reached.", "Try it again; check that the machines of the tasks may reach it.",
        runner_says=("connection timed out", "unknownhostexception", "connection reset by peer", "read timed out"),
        tool_says=("could not resolve host", "temporary failure in name resolution", "connection timed out",
                   "connection reset by peer",
                   "network is unreachable"),
        config=advice.retry,
    ),
    Rule(
        "permission-denied", _LIKELY, "The task may not read or write a file.",
        "Check who owns the file, and as whom the container runs.",
        tool_says=("permission denied",),
    ),
    # --- What an exit status alone suggests
    Rule(
        "assembler-memory", _LIKELY, "The assembler ran out of memory.", _MORE_MEMORY,
        exits=frozenset({250, 21, 12}), figures=_assembler, config=advice.more_memory,
    ),
    Rule("killed", _LIKELY, "The task was killed, most often because it used more memory than it was given.", _MORE_MEMORY,
         exits=_KILLED, config=advice.more_memory),
    Rule("crashed", _LIKELY, "The tool crashed, often for want of memory.",
         "Try it with more memory; if it still crashes, the tool or its input is at fault.",
         exits=frozenset({104, 134, 139}), config=advice.more_memory),
    Rule("illegal-instruction", _LIKELY, "The program uses instructions that this CPU does not have.",
         "Run it on other machines, or use a build for older CPUs.", exits=frozenset({132}), config=advice.queue),
    Rule("soft-limit", _LIKELY, "The scheduler ended the task, most often because its time was up.", _MORE_TIME,
         exits=frozenset({140, 138}), config=advice.more_time),
    Rule("terminated", _LIKELY, "The task was stopped from outside: by the scheduler, a person, or a machine that went away.",
         "Look at the job in the scheduler; if it was none of your doing, try it again.",
         exits=frozenset({143, 130}), config=advice.retry),
    Rule("fusion", _LIKELY, "Fusion could not take or restore a snapshot of the task.",
         "Look at Fusion's log in the work directory; try it again.", exits=frozenset({174, 175, 176}), config=advice.retry),
    Rule("engine-failed", _LIKELY, "The container engine failed before the command ran.",
         "Read its message; most often an option or a mount is wrong.", exits=frozenset({125})),
    Rule(
        "pod-failed", _LIKELY, "The pod ended without an exit status of its command.",
        "Look at the pod's events: kubectl describe pod.", runner_says=("k8s pod failed", "k8s pod in unknown state"),
        config=advice.retry,
    ),
    Rule(
        "lost", _LIKELY, "The task ended without an exit status: its machine or its job went away.",
        "Look at the job in the scheduler; try it again.",
        runner_says=("terminated for an unknown reason",), config=advice.retry,
    ),
    Rule("no-exit-status", _LIKELY, "The task ended without an exit status: its machine or its job went away.",
         "Look at the job in the scheduler; try it again.", exits=frozenset({NO_EXIT}), config=advice.retry),
)  # fmt: skip


def known_cause(facts: Facts) -> Cause | None:
    """Pure. The cause by the first rule that fits; None where none does."""
    cause = diagnose(RULES, facts)
    return None if cause.certainty == Certainty.UNKNOWN else cause
