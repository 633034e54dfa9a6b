"""The outermost layer of the API: what every request must pass, and who answers it."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineshaft.api.answers import Answer, problem_answer, send_answer
from lineshaft.api.batch import BATCH_PATH, Batches
from lineshaft.api.bodies import Gone, headers_of, linger, too_large
from lineshaft.api.complaints import Complaints
from lineshaft.api.fast_pair import CREATE_PATH, FastPair, status_id
from lineshaft.api.guard import Guard
from lineshaft.api.intake import Intake
from lineshaft.api.problems import BODY_TOO_LARGE, Refused, problem_of
from lineshaft.api.waits import Waits
from lineshaft.app import App


class Front:
    """Refuses what may not come in, has what queues tasks and tells their words answered at once, and hands on the rest.

    Args:
        app: whose tasks they are.
        guard: who may come in.
        rest: answers everything else.
        complaints: says what went wrong.
        waits: the requests that wait.
    """

    def __init__(self, app: App, guard: Guard, rest: ASGIApp, complaints: Complaints, waits: Waits) -> None:
        self._app = app
        self._guard = guard
        intake = Intake(app)
        self._pair = FastPair(app, intake)
        self._batches = Batches(app, intake, complaints)
        self._rest = rest
        self._complaints = complaints
        self._waits = waits

    def drain(self) -> None:
        """Have the requests that wait answered now; whoever runs the server calls this before it stops."""
        self._waits.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the lifespan is the rest's."""
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        is_head = scope["method"] == "HEAD"
        if is_head:
            send = _without_body(send)
        try:
            answer = await self._quick_answer(scope, receive)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            await self._refuse(error, receive, send)
            return
        if answer is not None:
            await send_answer(answer, send)
        else:
            await self._rest({**scope, "method": "GET"} if is_head else scope, receive, send)

    async def _quick_answer(self, scope: Scope, receive: Receive) -> Answer | None:
        """The answer of the fast pair or to a batch; None where the request is for the rest."""
        headers = headers_of(scope)
        method, path = scope["method"], scope["path"]
        if root := scope.get("root_path"):
            path = path.removeprefix(root)
        self._admit(scope, path, headers)
        if method == "POST" and path == CREATE_PATH:
            return await self._pair.create(scope, headers, receive)
        if method == "POST" and path == BATCH_PATH:
            return await self._batches.create(scope, headers, receive)
        if method in {"GET", "HEAD"} and (task_id := status_id(path)) is not None:
            return await self._pair.status(task_id)
        return None

    def _admit(self, scope: Scope, path: str, headers: Mapping[bytes, bytes]) -> None:
        problem = self._guard.problem(scope["method"], path, headers, scope["http_version"])
        if problem is None and b"content-length" in headers:
            problem = too_large(headers, self._app.settings.body_limit)
        if problem is not None:
            raise Refused(problem)

    async def _refuse(self, error: Exception, receive: Receive, send: Send) -> None:
        problem = problem_of(error)
        self._complaints.say(error, problem)
        answer = problem_answer(problem)
        if problem.kind is not BODY_TOO_LARGE:
            await send_answer(answer, send)
            return
        start, body = answer
        await send(start)
        await send({**body, "more_body": True})  # the answer is whole now; what follows only keeps the line open
        await linger(receive)
        await send({"type": "http.response.body"})


def _without_body(send: Send) -> Send:
    """Send what answers a HEAD: it is complete without its body, also where that would be a stream."""
    is_sent = False

    async def send_head(message: Message) -> None:
        nonlocal is_sent
        if is_sent:
            return
        is_sent = message["type"] == "http.response.body"
        await send({"type": "http.response.body", "body": b""} if is_sent else message)

    return send_head
