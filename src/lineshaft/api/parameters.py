"""What the address of a request carries, and its head for FastAPI's operations: how each is described, and how it is read."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from fastapi import Request

from lineshaft.api.problems import WRONG_PARAMETER, refused
from lineshaft.api.schemas import EXAMPLE_ID, ID_PATTERN, KEY_PATTERN, QUEUE_PATTERN
from lineshaft.api.waits import MOST_WAIT_S
from lineshaft.errors import ConfigurationError, TaskNotFoundError
from lineshaft.inspection.pages import decoded
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import is_queue_name, is_task_id
from lineshaft.registry import NAME_LENGTH

MOST_ROWS, ROWS = 200, 50
MOST_IDS = 100

Described = dict[str, Any]


@dataclass(frozen=True)
class Listing:
    """What a list of tasks is asked for; None is any."""

    status: str | None = None
    queue: str | None = None
    task: str | None = None
    limit: int = ROWS
    cursor: str | None = None


@dataclass(frozen=True)
class Filter:
    """One parameter of a list: what is said of it, and what reads it or raises Refused."""

    description: str
    schema: Described
    read: Callable[[str], Any]


def described(where: str, name: str, description: str, schema: Described, example: Any = None) -> Described:
    """A parameter as the document has it."""
    parameter = {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}
    return parameter if example is None else parameter | {"example": example}


TASK_ID = described(
    "path",
    "task_id",
    "The id of a task. One that cannot be an id is answered like one that is not known.",
    {"type": "string", "pattern": ID_PATTERN},
    EXAMPLE_ID,
)
QUEUE_NAME = described("path", "queue", "The name of a queue.", {"type": "string", "pattern": QUEUE_PATTERN}, "default")
KEY = described(
    "header",
    "Idempotency-Key",
    "In place of an id: for 24 h the same key with the same content is the same task, and with other content a "
    "conflict. The task's id is `key-`, then the first 48 hex digits of the key's SHA-256.",
    {"type": "string", "minLength": 1, "maxLength": 257, "pattern": KEY_PATTERN},
    "order 4711/mail",
)
IF_NONE_MATCH = described("header", "If-None-Match", "The tag of what you have.", {"type": "string"})
WAIT = described(
    "query",
    "wait",
    "Seconds to wait for the end; without it the answer comes at once.",
    {"type": "number", "minimum": 0, "maximum": MOST_WAIT_S, "default": 0},
    30,
)
TASK_IDS = described(
    "query",
    "id",
    "A task to tell the states of; give several by repeating it.",
    {"type": "array", "items": {"type": "string", "pattern": ID_PATTERN}, "maxItems": MOST_IDS},
    [EXAMPLE_ID],
)


def asked_id(request: Request) -> str:
    """The id in the path.

    Raises:
        TaskNotFoundError: it cannot be the id of a task.
    """
    task_id: str = request.path_params["task_id"]
    if not is_task_id(task_id):
        raise TaskNotFoundError("what cannot be an id is the id of no task")
    return task_id


def asked_queue(request: Request) -> str:
    """The name of a queue in the path.

    Raises:
        Refused: it cannot be one.
    """
    return queue_name(request.path_params["queue"])


def asked_wait_s(request: Request) -> float:
    """How long to wait.

    Raises:
        Refused: it is no number of seconds, or too many, or there is another parameter.
    """
    given = asked_query(request, ("wait",)).get("wait", "0")
    try:
        wait_s = float(given)
    except ValueError:
        wait_s = math.nan
    if not 0 <= wait_s <= MOST_WAIT_S:
        raise refused(WRONG_PARAMETER, f"wait must be from 0 to {MOST_WAIT_S:g} seconds.", parameter="wait")
    return wait_s


def asked_ids(request: Request) -> list[str]:
    """The tasks whose states are to be told, each once.

    Raises:
        Refused: one cannot be the id of a task, or there are too many.
    """
    asked_names(request, ("id",))
    task_ids = list(dict.fromkeys(request.query_params.getlist("id")))
    if len(task_ids) > MOST_IDS:
        raise refused(WRONG_PARAMETER, f"A stream tells the states of {MOST_IDS} tasks at most.", parameter="id")
    if not all(is_task_id(task_id) for task_id in task_ids):
        raise refused(WRONG_PARAMETER, "id must be 1 to 64 of 0-9, A-Z, a-z, _ and -.", parameter="id")
    return task_ids


def asked_names(request: Request, names: Collection[str]) -> None:
    """Look at the names behind the `?`: one that is misspelt would give something else than is meant.

    Raises:
        Refused: there is another than these.
    """
    for name in request.query_params:
        if name not in names:
            shown = name[:NAME_LENGTH]
            what = f"the parameters are: {', '.join(names)}" if len(names) > 1 else f"the only parameter is {', '.join(names)}"
            raise refused(WRONG_PARAMETER, f"There is no parameter {shown!r}; {what}.", parameter=shown)


def asked_query(request: Request, names: Collection[str]) -> dict[str, str]:
    """What stands behind the `?`, where each name may stand once.

    Raises:
        Refused: there is something else than these, or one of them twice.
    """
    asked_names(request, names)
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in given:
            raise refused(WRONG_PARAMETER, f"{name} stands in the address more than once.", parameter=name)
        given[name] = value
    return given


def asked_listing(request: Request) -> Listing:
    """Which tasks a page is to have, and how many.

    Raises:
        Refused: a parameter is wrong, or unknown.
    """
    return Listing(**{name: LISTING[name].read(value) for name, value in asked_query(request, LISTING).items()})


def status_word(given: str) -> str:
    """A status word; raises Refused where it is none."""
    if given not in set(Status):
        raise refused(WRONG_PARAMETER, f"status must be one of: {', '.join(Status)}.", parameter="status")
    return given


def queue_name(given: str) -> str:
    """The name of a queue; raises Refused where it cannot be one."""
    if not is_queue_name(given):
        raise refused(WRONG_PARAMETER, "queue must be 1 to 64 of 0-9, A-Z, a-z, _, . and -.", parameter="queue")
    return given


def task_name(given: str) -> str:
    """The name of a task, known or not; raises Refused where none is so long, or empty."""
    if not 1 <= len(given) <= NAME_LENGTH:
        raise refused(WRONG_PARAMETER, f"task must be a name of 1 to {NAME_LENGTH} characters.", parameter="task")
    return given


def row_limit(given: str) -> int:
    """How many rows a page may have; raises Refused where it is no number, or too large."""
    limit = int(given) if given.isascii() and given.isdigit() and len(given) <= len(str(MOST_ROWS)) else 0
    if not 1 <= limit <= MOST_ROWS:
        raise refused(WRONG_PARAMETER, f"limit must be from 1 to {MOST_ROWS}.", parameter="limit")
    return limit


def page_cursor(given: str) -> str:
    """A cursor; raises Refused where no page gave it."""
    try:
        decoded(given)
    except ConfigurationError as error:
        raise refused(WRONG_PARAMETER, f"{error}.", parameter="cursor") from None
    return given


LISTING = {
    "status": Filter("Only tasks with this word.", {"type": "string", "enum": list(Status)}, status_word),
    "queue": Filter("Only tasks of this queue.", {"type": "string", "pattern": QUEUE_PATTERN}, queue_name),
    "task": Filter("Only tasks of this name.", {"type": "string", "minLength": 1, "maxLength": NAME_LENGTH}, task_name),
    "limit": Filter(
        "How many a page may have at most.",
        {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS},
        row_limit,
    ),
    "cursor": Filter("The `next` of the page before, with the same other parameters.", {"type": "string"}, page_cursor),
}
LISTING_PARAMETERS = tuple(described("query", name, each.description, each.schema) for name, each in LISTING.items())
