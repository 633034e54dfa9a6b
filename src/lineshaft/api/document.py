"""The OpenAPI document: what every operation answers, the fast pair's operations, and the shape of problems."""

from typing import Annotated, Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import Field

from lineshaft.api import problems
from lineshaft.api.batch import BATCH_PATH, MOST_ITEMS
from lineshaft.api.guard import OPEN_PATHS
from lineshaft.api.problems import Kind, Problem
from lineshaft.api.schemas import EXAMPLE_ID, ID_PATTERN, KEY_PATTERN, BatchView, Created, NewTask, StatusView
from lineshaft.api.schemas import Problem as ProblemView

Responses = dict[int | str, dict[str, Any]]

PROBLEM_REFERENCE = {"$ref": "#/components/schemas/Problem"}

# Every operation may answer with these.
COMMON = (
    problems.BAD_REQUEST,
    problems.FOREIGN_HOST,
    problems.FOREIGN_ORIGIN,
    problems.BODY_TOO_LARGE,
    problems.HEAD_TOO_LARGE,
    problems.INTERNAL,
)
# And every one that asks Redis with these.
ASKING = (problems.REDIS_AWAY, problems.MISCONFIGURED, problems.DAMAGED_RECORD)

HEADERS: dict[problems.Headers, dict[str, Any]] = {
    problems.RETRY_AFTER: {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}},
    problems.AUTHENTICATE: {"WWW-Authenticate": {"description": "What is wanted.", "schema": {"type": "string"}}},
}

# What queues tasks may answer with these.
QUEUING = (
    problems.BAD_JSON,
    problems.BAD_KEY,
    problems.BODY_TOO_SLOW,
    problems.WRONG_FIELD,
    problems.REDIS_FULL,
    problems.OUTCOME_UNKNOWN,
)

TASK_ID_PARAMETER = {
    "name": "task_id",
    "in": "path",
    "required": True,
    "description": "The id of a task. One that cannot be an id is answered like one that is not known.",
    "schema": {"type": "string", "pattern": ID_PATTERN},
    "example": EXAMPLE_ID,
}
KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "In place of an id: for 24 h the same key with the same content is the same task, and with other content a "
    "conflict. The task's id is `key-`, then the first 48 hex digits of the key's SHA-256.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 257, "pattern": KEY_PATTERN},
    "example": "order 4711/mail",
}
TASK_ID: dict[str, Any] = {"parameters": [TASK_ID_PARAMETER]}

DESCRIPTION = """\
Queue tasks, see how they are, and see who runs them. Every refusal is a problem as RFC 9457 has them."""

NEW_TASK_EXAMPLES: dict[str, dict[str, Any]] = {
    "default": {"summary": "The default task", "value": {}},
    "delayed": {
        "summary": "A task with an argument, in ten seconds",
        "value": {"task": "demo.sleep", "kwargs": {"seconds": 2}, "delay": 10},
    },
    "once": {
        "summary": "Queued once, however often it is sent",
        "value": {"task": "demo.echo", "args": ["hello"], "id": "order-4711"},
    },
}


BATCH_EXAMPLES: dict[str, dict[str, Any]] = {
    "batch": {"summary": "Several tasks", "value": [example["value"] for example in NEW_TASK_EXAMPLES.values()]},
}


def refusals(*kinds: Kind) -> Responses:
    """The responses of an operation that may refuse in these ways, besides those that every operation has."""
    by_status: dict[int, list[Kind]] = {}
    for kind in (*COMMON, *kinds):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: _refusal(by_status[status]) for status in sorted(by_status)}


def describe_front(api: FastAPI) -> None:
    """Add the operations that are answered before FastAPI sees them."""
    api.add_api_route(
        "/tasks",
        _create_task,
        methods=["POST"],
        status_code=201,
        response_model=Created,
        operation_id="createTask",
        tags=["tasks"],
        summary="Queue a task",
        response_description="The task was queued.",
        responses={
            200: {"model": Created, "description": "That very task was queued before; there is no second one."},
            201: {"headers": {"Location": {"description": "The task's address.", "schema": {"type": "string"}}}},
            **refusals(*QUEUING, problems.TASK_CONFLICT, problems.UNKNOWN_TASK, problems.WRONG_ARGUMENTS, *ASKING),
        },
        openapi_extra={
            "parameters": [KEY_PARAMETER],
            "requestBody": {"content": {"application/json": {"examples": NEW_TASK_EXAMPLES}}},
        },
    )
    api.add_api_route(
        BATCH_PATH,
        _create_tasks,
        methods=["POST"],
        response_model=BatchView,
        operation_id="createTasks",
        tags=["tasks"],
        summary="Queue many tasks",
        response_description="How each item fared, in their order.",
        responses=refusals(*QUEUING, problems.BATCH_TOO_LARGE, *ASKING),
        openapi_extra={"requestBody": {"content": {"application/json": {"examples": BATCH_EXAMPLES}}}},
    )
    api.add_api_route(
        "/tasks/{task_id}/status",
        _task_status,
        methods=["GET"],
        response_model=StatusView,
        operation_id="getTaskStatus",
        tags=["tasks"],
        summary="The status word of a task",
        response_description="The word.",
        responses=refusals(problems.TASK_NOT_FOUND, *ASKING),
        openapi_extra=TASK_ID,
    )


def document(api: FastAPI, *, wants_token: bool) -> dict[str, Any]:
    """The whole document, made once; it speaks of a token where one is wanted."""
    if api.openapi_schema is None:
        made = get_openapi(title=api.title, version=api.version, description=api.description, routes=api.routes)
        made["components"]["schemas"]["Problem"] = ProblemView.model_json_schema()
        made["components"]["schemas"].pop("HTTPValidationError", None)
        made["components"]["schemas"].pop("ValidationError", None)
        if wants_token:
            _describe_token(made)
        api.openapi_schema = made
    return api.openapi_schema


def _describe_token(made: dict[str, Any]) -> None:
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    made["security"] = [{"token": []}]
    for path, item in made["paths"].items():
        for operation in item.values():
            if path in OPEN_PATHS:
                operation["security"] = []
            else:
                operation["responses"]["401"] = _refusal([problems.UNAUTHORIZED])


async def _create_task(new: NewTask | None = None) -> None:
    """Without a body the app's default task is queued. Nothing is written when the request is refused."""
    raise AssertionError(f"the fast pair answers this, and not with {new}")


async def _create_tasks(items: Annotated[list[NewTask], Field(max_length=MOST_ITEMS)]) -> None:
    """Each item is what `POST /tasks` takes, and is judged for itself.

    Nothing of an invalid item is written, and the others are queued. It is 503 where none was queued because Redis could not
    take them; its `items` say how each fared.
    """
    raise AssertionError(f"the front answers this, and not with {items}")


async def _task_status() -> None:
    """`pending`, `in-progress` and `done` for a plain task; `scheduled` before it is due; or how else it ended."""
    raise AssertionError("the fast pair answers this")


def _refusal(kinds: list[Kind]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": "; ".join(f"{kind.title} (`{kind.name}`)" for kind in kinds),
        "content": {
            problems.MEDIA_TYPE: {
                "schema": PROBLEM_REFERENCE,
                "examples": {kind.name: {"summary": kind.title, "value": _example(kind)} for kind in kinds},
            }
        },
    }
    described = [HEADERS[kind.headers] for kind in kinds if kind.headers in HEADERS]
    if described:
        response["headers"] = described[0]
    return response


def _example(kind: Kind) -> dict[str, Any]:
    detail, members = EXAMPLES.get(kind.name, (kind.title + ".", {}))
    return Problem(kind, detail, members).as_json()


EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "unknown-task": (
        "no task is named 'demo.slep'; the known tasks are: demo.echo, demo.sleep",
        {"field": "task", "known_tasks": ["demo.echo", "demo.sleep"]},
    ),
    "wrong-arguments": (
        "task 'demo.sleep': argument 'seconds': Expected `float`, got `str`",
        {"argument": "seconds"},
    ),
    "wrong-field": ("There is no field 'dely'; the fields are: task, args, kwargs, queue, delay, id.", {"field": "dely"}),
    "task-ended": (f"task {EXAMPLE_ID} cannot be cancelled: it has ended, as 'done'", {"task_status": "done"}),
    "outcome-unknown": (f"Redis did not answer in time whether it accepted task {EXAMPLE_ID}.", {"taskID": EXAMPLE_ID}),
}
