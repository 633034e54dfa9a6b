"""`/tasks/{id}`: see one task, cancel it, run it again."""

from functools import partial

from fastapi import FastAPI, Request, Response

from lineshaft.api import problems
from lineshaft.api.document import ASKING, TASK_ID, refusals
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.patience import answered
from lineshaft.api.schemas import Cancelled, Cancelling, Retried, TaskView
from lineshaft.app import App
from lineshaft.errors import TaskNotFoundError
from lineshaft.protocol.keys import is_task_id
from lineshaft.views import task_view


def add_task_routes(api: FastAPI, app: App) -> None:
    """Add the operations on one task."""

    async def show(request: Request) -> Response:
        """All that is kept of it."""
        task_id = asked_id(request)
        record = await answered(partial(app.client.inspector.task, task_id))
        return JsonResponse(task_view(record, app.default_task))

    async def cancel(request: Request) -> Response:
        """A task that has not started never will; one that runs is asked to stop, and its status tells when it did."""
        task_id = asked_id(request)
        word = await answered(app.get_task(task_id).cancel)
        return JsonResponse({"taskID": task_id, "status": word}, status_code=202 if word == "cancelling" else 200)

    async def retry(request: Request) -> Response:
        """A task that has ended, however it did, runs again with fresh tries, at the end of its queue."""
        task_id = asked_id(request)
        word = await answered(app.get_task(task_id).retry)
        return JsonResponse({"taskID": task_id, "status": word})

    api.add_api_route(
        "/tasks/{task_id}",
        show,
        methods=["GET"],
        response_model=TaskView,
        operation_id="getTask",
        tags=["tasks"],
        summary="Show a task",
        response_description="The task.",
        responses=refusals(problems.TASK_NOT_FOUND, *ASKING),
        openapi_extra=TASK_ID,
    )
    api.add_api_route(
        "/tasks/{task_id}",
        cancel,
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
        retry,
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
