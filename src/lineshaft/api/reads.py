"""The operations that only read, and are asked nothing: how the server is, and its queues, workers and tasks."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Response

from lineshaft.api.document import ASKING, refusals
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.patience import answered
from lineshaft.api.problems import Kind
from lineshaft.api.schemas import Health, QueueView, Readiness, TaskTypeView, WorkerView
from lineshaft.api.task_types import task_types
from lineshaft.app import App
from lineshaft.views import queue_view, worker_view


@dataclass(frozen=True)
class Read:
    """One of them, as the document has it; the docstring of `operation` describes it."""

    path: str
    operation: Callable[[], Awaitable[Response]]
    model: Any
    name: str
    tag: str
    summary: str
    found: str
    refusals: tuple[Kind, ...] = ASKING


def add_reads(api: FastAPI, app: App) -> None:
    """Add them all."""

    async def health() -> Response:
        """Asks nobody: restart the API when this does not answer."""
        return JsonResponse({"status": "ok"})

    async def readiness() -> Response:
        """Asks Redis: send no requests while this is refused."""
        await answered(app.client.inspector.ping)
        return JsonResponse({"status": "ready"})

    async def queues() -> Response:
        """The queues that ever had a task, the default one first."""
        return JsonResponse([queue_view(counts) for counts in await answered(app.client.inspector.queues)])

    async def workers() -> Response:
        """The worker processes whose session is open."""
        return JsonResponse([worker_view(worker) for worker in await answered(app.client.inspector.workers)])

    async def types() -> Response:
        """The tasks that the server's app knows, by their names, each with a JSON Schema of its arguments."""
        return JsonResponse(task_types(app))

    for read in (
        Read("/queues", queues, list[QueueView], "listQueues", "queues", "List queues", "The queues."),
        Read("/workers", workers, list[WorkerView], "listWorkers", "workers", "List workers", "The workers."),
        Read("/task-types", types, list[TaskTypeView], "listTaskTypes", "tasks", "List what can be queued", "The tasks.", ()),
        Read("/healthz", health, Health, "getHealth", "health", "Is the API there", "It is.", ()),
        Read("/readyz", readiness, Readiness, "getReadiness", "health", "Can the API reach Redis", "It can."),
    ):
        api.add_api_route(
            read.path,
            read.operation,
            methods=["GET"],
            response_model=read.model,
            operation_id=read.name,
            tags=[read.tag],
            summary=read.summary,
            response_description=read.found,
            responses=refusals(*read.refusals),
        )
