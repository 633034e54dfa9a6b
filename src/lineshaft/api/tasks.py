"""`/tasks/{id}`: see one task, wait for its end, cancel it, run it again."""

from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from lineshaft.api import problems
from lineshaft.api.json_response import JsonResponse, tagged_response
from lineshaft.api.operations import ASKING, Operation, add_operations
from lineshaft.api.parameters import IF_NONE_MATCH, TASK_ID, WAIT, asked_id, asked_wait_s
from lineshaft.api.patience import answered
from lineshaft.api.schemas import Cancelled, Cancelling, Retried, TaskView, Unfinished
from lineshaft.api.waits import Waits
from lineshaft.app import App
from lineshaft.model.lifecycle import ENDED
from lineshaft.views import task_view

TAG = {"ETag": {"description": "Changes with what is shown.", "schema": {"type": "string"}}}


class TaskOperations:
    """The operations on one task; their docstrings stand in the document."""

    def __init__(self, app: App, waits: Waits) -> None:
        self._app = app
        self._waits = waits

    async def show(self, request: Request) -> Response:
        """All that is kept of it."""
        return tagged_response(request, await self._view(asked_id(request)))

    async def result(self, request: Request) -> Response:
        """Waits for the end, if asked to; a server that stops does not wait. Ask again where it has not ended."""
        task_id, wait_s = asked_id(request), asked_wait_s(request)
        view = await self._view(task_id)
        if view["status"] not in ENDED and wait_s > 0:
            await self._waits.within(wait_s, self._app.client.wait(task_id, None), request.receive)
            view = await self._view(task_id)
        if view["status"] in ENDED:
            return JsonResponse(view)
        return JsonResponse({"taskID": task_id, "status": view["status"]}, status_code=202)

    async def cancel(self, request: Request) -> Response:
        """A task that has not started never will; one that runs is asked to stop, and its status tells when it did."""
        task_id = asked_id(request)
        word = await answered(self._app.get_task(task_id).cancel)
        return JsonResponse({"taskID": task_id, "status": word}, status_code=202 if word == "cancelling" else 200)

    async def retry(self, request: Request) -> Response:
        """A task that has ended, however it did, runs again with fresh tries, at the end of its queue."""
        task_id = asked_id(request)
        word = await answered(self._app.get_task(task_id).retry)
        return JsonResponse({"taskID": task_id, "status": word})

    async def _view(self, task_id: str) -> dict[str, Any]:
        record = await answered(partial(self._app.client.inspector.task, task_id))
        return task_view(record, self._app.default_task)


def add_task_operations(api: FastAPI, app: App, waits: Waits) -> None:
    """Add the operations on one task."""
    operations = TaskOperations(app, waits)
    add_operations(
        api,
        (
            Operation(
                method="GET",
                path="/tasks/{task_id}",
                answer=operations.show,
                model=TaskView,
                name="getTask",
                tag="tasks",
                summary="Show a task",
                found="The task.",
                refusals=(problems.TASK_NOT_FOUND, *ASKING),
                responses={
                    200: {"headers": TAG},
                    304: {"description": "It is as it was when it had that tag.", "headers": TAG},
                },
                parameters=(TASK_ID, IF_NONE_MATCH),
            ),
            Operation(
                method="GET",
                path="/tasks/{task_id}/result",
                answer=operations.result,
                model=TaskView,
                name="getTaskResult",
                tag="tasks",
                summary="Wait for the end of a task",
                found="It has ended; all that is kept of it.",
                refusals=(problems.TASK_NOT_FOUND, problems.WRONG_PARAMETER, *ASKING),
                responses={202: {"model": Unfinished, "description": "It has not ended."}},
                parameters=(TASK_ID, WAIT),
            ),
            Operation(
                method="DELETE",
                path="/tasks/{task_id}",
                answer=operations.cancel,
                model=Cancelled,
                name="cancelTask",
                tag="tasks",
                summary="Cancel a task",
                found="It had not started, and never will.",
                refusals=(problems.TASK_NOT_FOUND, problems.TASK_ENDED, *ASKING),
                responses={202: {"model": Cancelling, "description": "It runs, and was asked to stop."}},
                parameters=(TASK_ID,),
            ),
            Operation(
                method="POST",
                path="/tasks/{task_id}/retry",
                answer=operations.retry,
                model=Retried,
                name="retryTask",
                tag="tasks",
                summary="Run an ended task again",
                found="It is ready to run again.",
                refusals=(problems.TASK_NOT_FOUND, problems.TASK_NOT_RETRIED, *ASKING),
                parameters=(TASK_ID,),
            ),
        ),
    )
