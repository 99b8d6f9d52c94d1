"""The tools: what a program may ask, in words that it chooses by. Their docstrings and parameters are what it is told of them."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from api.compare import queries as compare
from api.core.cursor import offset_cursor
from api.core.db import Reader
from api.core.params import RunFilter, statuses_of
from api.costs import queries as costs
from api.dashboard import queries as dashboard
from api.diagnosis import queries as diagnosis
from api.logs import queries as logs
from api.mcp import briefs
from api.mcp.models import (
    ComparisonAnswer,
    CostAnswer,
    DashboardAnswer,
    DiagnosisAnswer,
    LogAnswer,
    RunAnswer,
    RunBriefs,
    TaskAnswer,
    TaskBriefs,
    TaskLogs,
    TrendAnswer,
    TrendPoint,
)
from api.runs import queries as runs
from api.tasks import queries as tasks
from api.tasks.queries import TaskFilter
from schemas.statuses import RunStatus, TaskStatus
from stores.objects.open import ObjectStores

Ref = Annotated[str, Field(description="A run's id or name; a name means its newest run", max_length=1000)]
Text = Annotated[str, Field(max_length=1000)]
RunStatuses = Annotated[
    str, Field(description=f"Some of {', '.join(RunStatus)}; comma-separated", max_length=200)
]
TaskStatuses = Annotated[
    str, Field(description=f"Some of {', '.join(TaskStatus)}; comma-separated", max_length=200)
]
Limit = Annotated[int, Field(ge=1, le=25)]


def tools(reader: Reader, stores: ObjectStores) -> list[Callable[..., Any]]:
    """All of them. They block."""
    base_url = reader.settings.base_url

    def list_runs(
        search: Annotated[
            str, Field(description="Words of a name, pipeline, user or label", max_length=1000)
        ] = "",
        status: RunStatuses = "",
        label: Text = "",
        pipeline: Text = "",
        user: Text = "",
        limit: Limit = 10,
    ) -> RunBriefs:
        """Runs of workflows, newest first: what runs now (status=running), what failed lately (status=failed), whose."""
        filter = RunFilter(statuses_of(status, RunStatus), search, label, user=user, pipeline=pipeline)
        page = runs.page_of_runs(reader, filter, "", "", limit)
        return RunBriefs(
            runs=[briefs.run_brief(r, base_url) for r in page.runs], more=page.next_page_token is not None
        )

    def get_run(run: Ref) -> RunAnswer:
        """One run: its status, tasks, cost, its runner's report of the error, and the command that goes on with it."""
        return briefs.run_answer(runs.one_run(reader, run), base_url)

    def diagnose_run(run: Ref) -> DiagnosisAnswer:
        """Why a run failed: the cause, how sure that is, what it goes by, and what to do; and what else failed in it."""
        found = diagnosis.diagnose_run(reader, stores, runs.resolve(reader, run))
        return briefs.diagnosis_answer(found, base_url)

    def compare_runs(
        run: Ref,
        with_run: Annotated[
            str,
            Field(
                description="The run to compare with; '' for the last good one of its pipeline",
                max_length=1000,
            ),
        ] = "",
    ) -> ComparisonAnswer:
        """What differs between two runs: revision, parameters, containers, configuration, and how long processes took."""
        return briefs.comparison_answer(compare.compare_runs(reader, run, with_run))

    def list_tasks(
        run: Ref,
        status: TaskStatuses = "",
        process: Annotated[str, Field(description="Full name of a process or rule", max_length=10_000)] = "",
        search: Text = "",
        slowest_first: bool = False,
        limit: Limit = 15,
    ) -> TaskBriefs:
        """Attempts at tasks of a run, by submission: which failed (status=failed), which took longest, what they used."""
        sort = "-duration_ms" if slowest_first else "submitted_at"
        filter = TaskFilter(statuses_of(status, TaskStatus), process, search, sort)
        page = tasks.page_of_tasks(reader, runs.resolve(reader, run), filter, offset_cursor("", sort), limit)
        return TaskBriefs(
            tasks=[briefs.task_brief(t) for t in page.tasks], more=page.next_page_token is not None
        )

    def get_task(run: Ref, task_id: int) -> TaskAnswer:
        """One attempt: its script, exit code, resources asked for and used, and where it ran."""
        return briefs.task_answer(tasks.one_task(reader, runs.resolve(reader, run), task_id))

    def get_task_logs(run: Ref, task_id: int) -> TaskLogs:
        """What a task printed (.command.err, .command.out, .command.log): heads and tails."""
        task = tasks.one_task(reader, runs.resolve(reader, run), task_id)
        return briefs.task_logs(logs.task_log(task.workdir, stores))

    def get_costs(run: Ref) -> CostAnswer:
        """What a run cost, what failed attempts wasted, the processes that cost most, and what of CPUs and memory they used."""
        return briefs.cost_answer(costs.costs(reader, runs.resolve(reader, run)))

    def get_process_trend(
        run: Ref,
        process: Annotated[str, Field(description="Full name of a process or rule", max_length=10_000)],
        limit: Annotated[int, Field(ge=1, le=20)] = 10,
    ) -> TrendAnswer:
        """How a process went in the newest runs of this run's pipeline: failures, times, peaks of memory."""
        pipeline = runs.one_run(reader, run).pipeline
        found = (
            runs.page_of_runs(reader, RunFilter([], pipeline=pipeline), "", "", limit).runs
            if pipeline
            else []
        )
        by_id = {r.id: r for r in found}
        points = [
            TrendPoint(
                **t.model_dump(),
                run=briefs.line(by_id[t.run_id].name) or "",
                started_at=by_id[t.run_id].started_at,
            )
            for t in tasks.process_trend(reader, list(by_id), process)
        ]
        return TrendAnswer(pipeline=briefs.line(pipeline), process=process[:300], runs=points)

    def read_log(run: Ref) -> LogAnswer:
        """The runner's own log of a run, such as .nextflow.log: its head and tail."""
        return briefs.log_answer(logs.run_log(runs.one_run(reader, run), stores))

    def dashboard_url(
        runs: Annotated[
            list[Ref], Field(description="Runs whose outputs might go", min_length=1, max_length=50)
        ],
    ) -> DashboardAnswer:
        """A page for the user, with size and cost of what these runs keep, to choose whose outputs are deleted.

        Nothing is deleted before a person has confirmed it there.
        """
        return DashboardAnswer(url=dashboard.dashboard_url(reader, runs))

    return [
        list_runs,
        get_run,
        diagnose_run,
        compare_runs,
        list_tasks,
        get_task,
        get_task_logs,
        get_costs,
        get_process_trend,
        read_log,
        dashboard_url,
    ]
