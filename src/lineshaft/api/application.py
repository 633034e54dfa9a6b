"""Puts the API together: the front, the fast pair, and FastAPI for the rest and for the document."""

import re
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from lineshaft.api.complaints import Complaints
from lineshaft.api.document import DESCRIPTION, describe_pair, document
from lineshaft.api.front import Front
from lineshaft.api.guard import LOOPBACK, Guard
from lineshaft.api.health import add_health_routes
from lineshaft.api.json_response import problem_response
from lineshaft.api.problems import INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, UNEXPECTED_DETAIL, Problem, problem_of
from lineshaft.api.queues import add_queue_routes
from lineshaft.api.tasks import add_task_routes
from lineshaft.api.workers import add_worker_routes
from lineshaft.app import App
from lineshaft.errors import LineshaftError


def create_api(app: App, *, hosts: Collection[str] = LOOPBACK) -> ASGIApp:
    """The API of an app, for any ASGI server; nobody is asked who he is, so mind who can reach it.

    Args:
        app: whose tasks they are. With a `resend_s` and a `call_timeout_s` of 2 s at most, a request that Redis does not
            answer is refused for sure where it can be known; with more, it is more often "outcome unknown".
        hosts: the names it may be called by, without ports; "*" is any. See `guard.py` for what that keeps out.
    """
    complaints = Complaints()
    api = FastAPI(
        title=f"{app.name}: Lineshaft API",
        version=version("lineshaft"),
        description=DESCRIPTION,
        docs_url=None,  # both load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan_of(app),
    )
    describe_pair(api)
    add_task_routes(api, app)
    add_queue_routes(api, app)
    add_worker_routes(api, app)
    add_health_routes(api, app)
    api.openapi = lambda: document(api)  # type: ignore[method-assign]

    async def refuse(_request: Request, error: Exception) -> Response:
        problem = problem_of(error)
        complaints.say(error, problem)
        return problem_response(problem)

    api.add_exception_handler(LineshaftError, refuse)
    api.add_exception_handler(HTTPException, _refuse_route)
    api.add_exception_handler(Exception, _say_nothing)
    return Front(app, Guard(hosts), api, complaints)


def _lifespan_of(app: App):
    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncGenerator[None]:
        app.load_imports()
        try:
            yield
        finally:
            await app.close()

    return lifespan
