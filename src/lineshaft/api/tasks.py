"""`/tasks/{id}`: see one task, wait for its end, cancel it, run it again."""

import math
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response

from lineshaft.api import problems
from lineshaft.api.document import ASKING, TASK_ID, TASK_ID_PARAMETER, refusals
from lineshaft.api.json_response import JsonResponse, tagged_response
from lineshaft.api.patience import answered
from lineshaft.api.problems import refused
from lineshaft.api.schemas import Cancelled, Cancelling, Retried, TaskView, Unfinished
from lineshaft.api.waits import MOST_WAIT_S, Waits
from lineshaft.app import App
from lineshaft.errors import TaskNotFoundError
from lineshaft.model.lifecycle import ENDED
from lineshaft.protocol.keys import is_task_id
from lineshaft.views import task_view

TAG = {"ETag": {"description": "Changes with what is shown.", "schema": {"type": "string"}}}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The tag of what you have.",
    "schema": {"type": "string"},
}
WAIT = {
    "name": "wait",
    "in": "query",
    "required": False,
    "description": "Seconds to wait for the end; without it the answer comes at once.",
    "schema": {"type": "number", "minimum": 0, "maximum": MOST_WAIT_S, "default": 0},
    "example": 30,
}


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
            await self._waits.within(wait_s, self._app.client.wait(task_id, None))
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


def add_task_routes(api: FastAPI, app: App, waits: Waits) -> None:
    """Add the operations on one task."""
    operations = TaskOperations(app, waits)
    api.add_api_route(
        "/tasks/{task_id}",
        operations.show,
        methods=["GET"],
        response_model=TaskView,
        operation_id="getTask",
        tags=["tasks"],
        summary="Show a task",
        response_description="The task.",
        responses={
            200: {"headers": TAG},
            304: {"description": "It is as it was when it had that tag.", "headers": TAG},
            **refusals(problems.TASK_NOT_FOUND, *ASKING),
        },
        openapi_extra={"parameters": [TASK_ID_PARAMETER, IF_NONE_MATCH]},
    )
    api.add_api_route(
        "/tasks/{task_id}/result",
        operations.result,
        methods=["GET"],
        response_model=TaskView,
        operation_id="getTaskResult",
        tags=["tasks"],
        summary="Wait for the end of a task",
        response_description="It has ended; all that is kept of it.",
        responses={
            202: {"model": Unfinished, "description": "It has not ended."},
            **refusals(problems.TASK_NOT_FOUND, problems.WRONG_PARAMETER, *ASKING),
        },
        openapi_extra={"parameters": [TASK_ID_PARAMETER, WAIT]},
    )
    api.add_api_route(
        "/tasks/{task_id}",
        operations.cancel,
        methods=["DELETE"],
        response_model=Cancelled,
        operation_id="cancelTask",
        tags=["tasks"],
        summary="Cancel a task",
        response_description="It had not started, and never will.",
        responses={
            202: {"model": Cancelling, "description": "It runs, and was asked to stop."},
            **refusals(problems.TASK_NOT_FOUND, problems.TASK_ENDED, *ASKING),
        },
        openapi_extra=TASK_ID,
    )
    api.add_api_route(
        "/tasks/{task_id}/retry",
        operations.retry,
        methods=["POST"],
        response_model=Retried,
        operation_id="retryTask",
        tags=["tasks"],
        summary="Run an ended task again",
        response_description="It is ready to run again.",
        responses=refusals(problems.TASK_NOT_FOUND, problems.TASK_NOT_RETRIED, *ASKING),
        openapi_extra=TASK_ID,
    )


def asked_id(request: Request) -> str:
    """The id in the path.

    Raises:
        TaskNotFoundError: it cannot be the id of a task.
    """
    task_id: str = request.path_params["task_id"]
    if not is_task_id(task_id):
        raise TaskNotFoundError("what cannot be an id is the id of no task")
    return task_id


def asked_wait_s(request: Request) -> float:
    """How long to wait.

    Raises:
        Refused: it is no number of seconds, or too many.
    """
    given = request.query_params.get("wait", "0")
    try:
        wait_s = float(given)
    except ValueError:
        wait_s = math.nan
    if not 0 <= wait_s <= MOST_WAIT_S:
        raise refused(problems.WRONG_PARAMETER, f"wait must be from 0 to {MOST_WAIT_S:g} seconds.", parameter="wait")
    return wait_s
