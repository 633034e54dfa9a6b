"""`/queues`: see the queues, pause one for the whole fleet, let it go on."""

from functools import partial

from fastapi import FastAPI, Request, Response

from lineshaft.api import problems
from lineshaft.api.json_response import JsonResponse
from lineshaft.api.operations import ASKING, Operation, add_operations
from lineshaft.api.parameters import QUEUE_NAME, asked_queue
from lineshaft.api.patience import answered
from lineshaft.api.schemas import QueueState, QueueView
from lineshaft.app import App
from lineshaft.views import queue_view


def add_queue_operations(api: FastAPI, app: App) -> None:
    """Add the operations on queues."""

    async def queues() -> Response:
        """The queues that ever had a task or are paused, the default one first."""
        return JsonResponse([queue_view(counts) for counts in await answered(app.client.inspector.queues)])

    async def pause(request: Request) -> Response:
        """No worker starts a task of it after this was answered. What runs goes on, and tasks are still accepted.

        It stays paused until it is resumed, also when everything is restarted. A queue may be paused before it has tasks.
        """
        queue = asked_queue(request)
        await answered(partial(app.client.pause, queue))
        return JsonResponse({"queue": queue, "paused": True})

    async def resume(request: Request) -> Response:
        """Workers start its tasks again at once. That it was not paused is no error."""
        queue = asked_queue(request)
        await answered(partial(app.client.resume, queue))
        return JsonResponse({"queue": queue, "paused": False})

    refusals = (problems.WRONG_PARAMETER, problems.REDIS_FULL, *ASKING)
    add_operations(
        api,
        (
            Operation(
                method="GET",
                path="/queues",
                answer=queues,
                model=list[QueueView],
                name="listQueues",
                tag="queues",
                summary="List queues",
                found="The queues.",
            ),
            Operation(
                method="POST",
                path="/queues/{queue}/pause",
                answer=pause,
                model=QueueState,
                name="pauseQueue",
                tag="queues",
                summary="Pause a queue",
                found="It is paused.",
                refusals=refusals,
                parameters=(QUEUE_NAME,),
            ),
            Operation(
                method="POST",
                path="/queues/{queue}/resume",
                answer=resume,
                model=QueueState,
                name="resumeQueue",
                tag="queues",
                summary="Resume a queue",
                found="It is not paused.",
                refusals=refusals,
                parameters=(QUEUE_NAME,),
            ),
        ),
    )
