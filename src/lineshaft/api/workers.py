"""`/workers`: who runs tasks."""

from fastapi import FastAPI, Response

from lineshaft.api.document import ASKING, refusals
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.patience import answered
from lineshaft.api.schemas import WorkerView
from lineshaft.app import App
from lineshaft.views import worker_view


def add_worker_routes(api: FastAPI, app: App) -> None:
    """Add the operation that lists workers."""

    async def list_workers() -> Response:
        """The worker processes whose session is open."""
        return JsonResponse([worker_view(worker) for worker in await answered(app.client.inspector.workers)])

    api.add_api_route(
        "/workers",
        list_workers,
        methods=["GET"],
        response_model=list[WorkerView],
        operation_id="listWorkers",
        tags=["workers"],
        summary="List workers",
        response_description="The workers.",
        responses=refusals(*ASKING),
    )
