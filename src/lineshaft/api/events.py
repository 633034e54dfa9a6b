"""`GET /events`: a stream of server-sent events, for pages and programs that want to see changes as they come."""

from fastapi import FastAPI, Request, Response
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.types import Receive, Scope, Send

from lineshaft.api.bulletin import MOST_STREAMS, Bulletin, Listener
from lineshaft.api.operations import Operation, add_operations
from lineshaft.api.parameters import TASK_IDS, asked_ids
from lineshaft.api.problems import TOO_MANY_STREAMS, WRONG_PARAMETER, refused
from lineshaft.api.waits import Waits
from lineshaft.clock import monotonic_s

PING_S = 15.0  # what stands between us and the client must not take the stream for dead
RETRY_MS = 2_000

EXAMPLE = """\
retry: 2000

event: task
data: {"taskID":"greeting-1","status":"pending"}

event: counts
data: {"states":{"scheduled":0,"pending":1,"in-progress":0,"done":3,"failed":0,"cancelled":0,"expired":0},"queues":[],...}

: ping

event: task
data: {"taskID":"greeting-1","status":"done"}

event: problem
data: {"type":"urn:lineshaft:problem:redis-away","title":"Redis cannot be reached","status":503,"detail":"..."}
"""


class EventStream(Response):
    """The events, for as long as the client stays and the server does not drain."""

    media_type = "text/event-stream"

    def __init__(self, bulletin: Bulletin, task_ids: list[str], waits: Waits) -> None:
        self._bulletin = bulletin
        self._task_ids = task_ids
        self._waits = waits
        self.status_code = 200
        self.background = None
        self.init_headers({
            "content-type": self.media_type,
            "cache-control": "no-store",
            "x-accel-buffering": "no",  # nginx would keep the events until it has enough of them
            "x-content-type-options": "nosniff",
        })  # fmt: skip

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with self._bulletin.listening(self._task_ids) as listener:
            await self._waits.within(None, tell(listener, send), receive)
        await send({"type": "http.response.body", "body": b""})


async def tell(listener: Listener, send: Send) -> None:
    """Send what a listener is told, and a comment now and then. Where the client does not take it in, this waits."""
    text, pinged_s = format_sse_event(retry=RETRY_MS), monotonic_s()
    while True:
        await send({"type": "http.response.body", "body": text, "more_body": True})
        text = await listener.news(PING_S)
        if monotonic_s() - pinged_s >= PING_S:
            text, pinged_s = text + KEEPALIVE_COMMENT, monotonic_s()


def add_events(api: FastAPI, bulletin: Bulletin, waits: Waits) -> None:
    """Add the stream."""

    async def events(request: Request) -> Response:
        """Server-sent events, each of a kind and with JSON. A stream goes on until one side ends it; connect again then.

        `counts`: what `GET /stats` answers, once a second. `task`: `{"taskID", "status"}` of each task that was asked for,
        at once and whenever its word is another; null where there is no such task. `problem`: why nothing can be told now,
        as a refusal would say it; the stream goes on, and so does the telling. A client that is slow in reading is told the
        newest and not all.
        """
        task_ids = asked_ids(request)
        if bulletin.is_full:
            raise refused(TOO_MANY_STREAMS, f"There are {MOST_STREAMS} event streams already: close some, or try again.")
        return EventStream(bulletin, task_ids, waits)

    described = {"content": {EventStream.media_type: {"schema": {"type": "string"}, "example": EXAMPLE}}}
    operation = Operation(
        method="GET",
        path="/events",
        answer=events,
        model=None,
        name="streamEvents",
        tag="stats",
        summary="Watch counts and tasks",
        found="The events, as they come.",
        refusals=(WRONG_PARAMETER, TOO_MANY_STREAMS),
        responses={200: described},
        parameters=(TASK_IDS,),
        response_class=EventStream,
    )
    add_operations(api, (operation,))
