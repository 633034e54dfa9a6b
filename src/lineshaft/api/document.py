"""The OpenAPI document, and in it the operations that are answered before FastAPI sees them."""

from typing import Annotated, Any

from fastapi import Body, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import Field

from lineshaft.api import problems
from lineshaft.api.batch import BATCH_PATH, MOST_ITEMS
from lineshaft.api.guard import OPEN_PATHS
from lineshaft.api.operations import ASKING, Operation, Responses, add_operations, refusal
from lineshaft.api.parameters import KEY, TASK_ID
from lineshaft.api.schemas import BatchView, Created, NewTask, StatusView
from lineshaft.api.schemas import Problem as ProblemView

# What queues tasks may refuse in these ways.
QUEUING = (
    problems.BAD_JSON,
    problems.BAD_KEY,
    problems.BODY_TOO_SLOW,
    problems.WRONG_FIELD,
    problems.REDIS_FULL,
    problems.OUTCOME_UNKNOWN,
    *ASKING,
)

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


def describe_front(api: FastAPI) -> None:
    """Add the operations that are answered before FastAPI sees them."""
    created: Responses = {
        200: {"model": Created, "description": "That very task was queued before; there is no second one."},
        201: {"headers": {"Location": {"description": "The task's address.", "schema": {"type": "string"}}}},
    }
    add_operations(
        api,
        (
            Operation(
                method="POST",
                path="/tasks",
                answer=_create_task,
                model=Created,
                name="createTask",
                tag="tasks",
                summary="Queue a task",
                found="The task was queued.",
                status=201,
                refusals=(*QUEUING, problems.TASK_CONFLICT, problems.UNKNOWN_TASK, problems.WRONG_ARGUMENTS),
                responses=created,
                parameters=(KEY,),
                bodies=NEW_TASK_EXAMPLES,
            ),
            Operation(
                method="POST",
                path=BATCH_PATH,
                answer=_create_tasks,
                model=BatchView,
                name="createTasks",
                tag="tasks",
                summary="Queue many tasks",
                found="How each item fared, in their order.",
                refusals=(*QUEUING, problems.BATCH_TOO_LARGE),
                bodies=BATCH_EXAMPLES,
            ),
            Operation(
                method="GET",
                path="/tasks/{task_id}/status",
                answer=_task_status,
                model=StatusView,
                name="getTaskStatus",
                tag="tasks",
                summary="The status word of a task",
                found="The word.",
                refusals=(problems.TASK_NOT_FOUND, *ASKING),
                parameters=(TASK_ID,),
            ),
        ),
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
                operation["responses"]["401"] = refusal([problems.UNAUTHORIZED])


async def _create_task(new: Annotated[NewTask, Body(default_factory=dict)]) -> None:
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
