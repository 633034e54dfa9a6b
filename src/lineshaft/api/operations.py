"""One operation as the document has it, and how it may refuse. The modules of the operations hold tables of these."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse

from lineshaft.api import problems
from lineshaft.api.problems import Kind, Problem
from lineshaft.api.schemas import EXAMPLE_ID

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


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation; the docstring of `answer` describes it.

    Args:
        method, path: where it is.
        answer: gives the response.
        model: the shape of what it answers with `status`; None where that is no JSON.
        name: its name in the document.
        tag, summary: where it stands in the document, and as what.
        found: what it means that it answers so.
        status: of its answer.
        refusals: how it may refuse, besides in the ways that all have in common.
        responses: what else it may answer, and what is to be said of its own answer.
        parameters: what its address and head carry.
        bodies: examples of what it takes.
        response_class: says the media type of its answer.
    """

    method: str
    path: str
    answer: Callable[..., Awaitable[Any]]
    model: Any
    name: str
    tag: str
    summary: str
    found: str
    status: int = 200
    refusals: tuple[Kind, ...] = ASKING
    responses: Responses = field(default_factory=dict[int | str, dict[str, Any]])
    parameters: tuple[dict[str, Any], ...] = ()
    bodies: dict[str, dict[str, Any]] | None = None
    response_class: type[Response] = JSONResponse


def add_operations(api: FastAPI, operations: Iterable[Operation]) -> None:
    """Have the API answer them, and its document describe them."""
    for operation in operations:
        extra: dict[str, Any] = {}
        if operation.parameters:
            extra["parameters"] = list(operation.parameters)
        if operation.bodies is not None:
            extra["requestBody"] = {"content": {"application/json": {"examples": operation.bodies}}}
        api.add_api_route(
            operation.path,
            operation.answer,
            methods=[operation.method],
            status_code=operation.status,
            response_model=operation.model,
            response_class=operation.response_class,
            operation_id=operation.name,
            tags=[operation.tag],
            summary=operation.summary,
            response_description=operation.found,
            responses=operation.responses | _refusals(operation.refusals),
            openapi_extra=extra,
        )


def refusal(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The response of those kinds of refusals, which have a status in common."""
    kinds = list(kinds)
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


def _refusals(kinds: Iterable[Kind]) -> Responses:
    by_status: dict[int, list[Kind]] = {}
    for kind in (*COMMON, *kinds):
        by_status.setdefault(kind.status, []).append(kind)
    return {status: refusal(by_status[status]) for status in sorted(by_status)}


def _example(kind: Kind) -> dict[str, Any]:
    detail, members = EXAMPLES.get(kind.name, (kind.title + ".", {}))
    return Problem(kind, detail, members).as_json()
