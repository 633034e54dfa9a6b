"""`/queues`: how many tasks are where."""

from fastapi import FastAPI, Response

from lineshaft.api.document import ASKING, refusals
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.patience import answered
from lineshaft.api.schemas import QueueView
from lineshaft.app import App
from lineshaft.views import queue_view


def add_queue_routes(api: FastAPI, app: App) -> None:
    """Add the operation that lists queues."""

    async def list_queues() -> Response:
        """The queues that ever had a task, the default one first."""
        return JsonResponse([queue_view(counts) for counts in await answered(app.client.inspector.queues)])

    api.add_api_route(
        "/queues",
        list_queues,
        methods=["GET"],
        response_model=list[QueueView],
        operation_id="listQueues",
        tags=["queues"],
        summary="List queues",
        response_description="The queues.",
        responses=refusals(*ASKING),
    )
