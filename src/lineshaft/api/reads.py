"""The operations that only look: lists of tasks, what can be queued, the workers, all counts."""

from functools import partial

from fastapi import FastAPI, Request, Response

from lineshaft.api import problems
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.operations import ASKING, Operation, add_operations
from lineshaft.api.parameters import LISTING_PARAMETERS, asked_listing
from lineshaft.api.patience import answered
from lineshaft.api.schemas import StatisticsView, TaskPage, TaskTypeView, WorkerView
from lineshaft.api.task_types import task_types
from lineshaft.app import App
from lineshaft.inspection.pages import Wanted
from lineshaft.views import statistics_view, task_row, worker_view


class Reads:
    """They read for one app; their docstrings stand in the document."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def tasks(self, request: Request) -> Response:
        """What changed last comes first, as far as its list tells; ask for one status to have them in order."""
        asked = asked_listing(request)
        wanted = Wanted(asked.status, asked.queue, asked.task, foreign_task=self._app.default_task)
        page = await answered(partial(self._app.client.pages.tasks, wanted, asked.limit, asked.cursor))
        rows = [task_row(summary, self._app.default_task) for summary in page.items]
        return JsonResponse({"items": rows, "next": page.next})

    async def workers(self) -> Response:
        """The worker processes whose session is open."""
        return JsonResponse([worker_view(worker) for worker in await answered(self._app.client.inspector.workers)])

    async def types(self) -> Response:
        """The tasks that the server's app knows, by their names, each with a JSON Schema of its arguments."""
        return JsonResponse(task_types(self._app))

    async def statistics(self) -> Response:
        """Tasks by status and by queue, and how fast they come and go, in one read. `GET /events` tells it each second."""
        return JsonResponse(statistics_view(await answered(self._app.client.counters.statistics)))


def add_reads(api: FastAPI, app: App) -> None:
    """Add them all."""
    reads = Reads(app)
    add_operations(
        api,
        (
            Operation(
                method="GET",
                path="/tasks",
                answer=reads.tasks,
                model=TaskPage,
                name="listTasks",
                tag="tasks",
                summary="List tasks",
                found="A page of tasks.",
                refusals=(problems.WRONG_PARAMETER, *ASKING),
                parameters=LISTING_PARAMETERS,
            ),
            Operation(
                method="GET",
                path="/task-types",
                answer=reads.types,
                model=list[TaskTypeView],
                name="listTaskTypes",
                tag="tasks",
                summary="List what can be queued",
                found="The tasks.",
                refusals=(),
            ),
            Operation(
                method="GET",
                path="/workers",
                answer=reads.workers,
                model=list[WorkerView],
                name="listWorkers",
                tag="workers",
                summary="List workers",
                found="The workers.",
            ),
            Operation(
                method="GET",
                path="/stats",
                answer=reads.statistics,
                model=StatisticsView,
                name="getStatistics",
                tag="stats",
                summary="All counts",
                found="The counts.",
            ),
        ),
    )
