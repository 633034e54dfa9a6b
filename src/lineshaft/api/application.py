"""Puts the API together: the front, the fast pair, and FastAPI for the rest and for the document."""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from lineshaft.api.bulletin import Bulletin
from lineshaft.api.complaints import Complaints
from lineshaft.api.document import DESCRIPTION, describe_front, document
from lineshaft.api.events import add_events
from lineshaft.api.front import Front
from lineshaft.api.guard import LOOPBACK, Guard
from lineshaft.api.health import add_health
from lineshaft.api.json_response import problem_response
from lineshaft.api.page import add_page
from lineshaft.api.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, UNEXPECTED_DETAIL, Problem, Refused, problem_of
from lineshaft.api.queues import add_queue_operations
from lineshaft.api.reads import add_reads
from lineshaft.api.tasks import add_task_operations
from lineshaft.api.waits import Waits
from lineshaft.app import App
from lineshaft.errors import LineshaftError


class Documented(FastAPI):
    """FastAPI with our document."""

    wants_token = False

    def openapi(self) -> dict[str, Any]:
        """The document."""
        return document(self, wants_token=self.wants_token)


def create_api(app: App, *, hosts: Collection[str] = LOOPBACK, token: str | None = None) -> Front:
    """The API of an app, for any ASGI server. Without a token nobody is asked who he is: mind who can reach it.

    Args:
        app: whose tasks they are. Have it configured with a `resend_s` and a `call_timeout_s` of 2 s at most: the API waits
            little longer than that for Redis, and then has to answer that the outcome is unknown.
        hosts: the names it may be called by, without ports; "*" is any. `guard.py` says what that keeps out.
        token: what every request must carry (`Authorization: Bearer <token>`), save the two probes.
    """
    complaints = Complaints()
    api = Documented(
        title=f"Lineshaft: {app.name}",
        version=version("lineshaft"),
        description=DESCRIPTION,
        docs_url=None,  # both would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan_of(app),
    )
    api.wants_token = token is not None
    describe_front(api)
    waits, bulletin = Waits(), Bulletin(app, complaints)
    add_task_operations(api, app, waits)
    add_queue_operations(api, app)
    add_reads(api, app)
    add_health(api, app)
    add_events(api, bulletin, waits)
    add_page(api)

    async def refuse(_request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        complaints.say(error, problem)
        return problem_response(problem)

    api.add_exception_handler(LineshaftError, refuse)
    api.add_exception_handler(Refused, refuse)
    api.add_exception_handler(HTTPException, _refuse_route)
    api.add_exception_handler(Exception, _say_nothing)
    return Front(app, Guard(hosts, token), api, complaints, waits)


def _lifespan_of(app: App) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncGenerator[None]:
        app.load_imports()
        try:
            yield
        finally:
            await app.close()

    return lifespan


async def _refuse_route(request: Request, error: Exception) -> Response:
    """What Starlette raises where no route fits: 404, or 405 where only the method is wrong."""
    if not isinstance(error, HTTPException) or error.status_code != METHOD_NOT_ALLOWED.status:
        return problem_response(Problem(NOT_FOUND, "There is nothing here; /openapi.json lists what there is."))
    allowed: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            allowed |= route.methods or set()
    if "GET" in allowed:
        allowed.add("HEAD")
    methods = ", ".join(sorted(allowed))
    detail = f"This address takes {methods}."
    return problem_response(Problem(METHOD_NOT_ALLOWED, detail, headers=((b"allow", methods.encode()),)))


async def _say_nothing(_request: Request, _error: Exception) -> Response:
    """Nobody foresaw the error: the server logs it, and the client learns only that it happened."""
    return problem_response(Problem(INTERNAL, UNEXPECTED_DETAIL))
