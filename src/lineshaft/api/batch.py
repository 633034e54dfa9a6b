"""`POST /tasks/batch`: queue many tasks with one request. Each item is judged for itself, and the answer says how."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
from starlette.types import Receive, Scope

from lineshaft.api import problems
from lineshaft.api.answers import Answer, json_answer
from lineshaft.api.complaints import Complaints
from lineshaft.api.intake import KEY_HEADER, Intake
from lineshaft.api.new_task import call_of, new_task_of, read_json
from lineshaft.api.problems import BAD_KEY, BATCH_TOO_LARGE, WRONG_FIELD, Problem, Refused, problem_of, refused
from lineshaft.app import App

BATCH_PATH = "/tasks/batch"
MOST_ITEMS = 1_000

NOTHING_WRITTEN = {problems.REDIS_AWAY, problems.REDIS_FULL, problems.DAMAGED_RECORD, problems.MISCONFIGURED}


class Item(msgspec.Struct, frozen=True):
    """How one item fared: `created`, `same`, `conflict`, `invalid`, `refused` (later, perhaps) or `unknown`."""

    outcome: str
    taskID: str | None  # noqa: N815 - the name that the contract gives it
    problem: dict[str, Any] | None = None


class Batches:
    """The operation. All items go out to Redis together, with whatever else is being queued."""

    def __init__(self, app: App, intake: Intake, complaints: Complaints) -> None:
        self._app = app
        self._intake = intake
        self._complaints = complaints

    async def create(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        """Queue what can be queued; 200 with an outcome for each item.

        Raises:
            Refused: it is no batch; or nothing was accepted, for want of Redis.
        """
        if KEY_HEADER in headers:
            raise refused(BAD_KEY, "Idempotency-Key stands for one task, and not for a batch: give each item an id.")
        values = read_items(await self._intake.body(scope, headers, receive))
        fates = await asyncio.gather(*(self._fate(value) for value in values))
        items = [item for item, _ in fates]
        troubles = [problem for _, problem in fates if problem is not None and problem.kind.status >= 500]
        if troubles and not any(item.outcome in {"created", "same"} for item in items):
            raise Refused(replace(troubles[0], members={**troubles[0].members, "items": msgspec.to_builtins(items)}))
        return json_answer(200, msgspec.json.encode({"items": items}))

    async def _fate(self, value: Any) -> tuple[Item, Problem | None]:
        task_id: str | None = None
        try:
            call = call_of(self._app, new_task_of(value))
            task_id = call.options.task_id
            task = await self._intake.submit(call)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other items have answers of their own
            problem = problem_of(error)
            self._complaints.say(error, problem)
            outcome = outcome_of(problem)
            return Item(outcome, None if outcome == "invalid" else task_id, problem.as_json()), problem
        return Item("created" if task.created else "same", task.id), None


def read_items(body: bytes) -> list[Any]:
    """The items of a batch, whatever each of them is.

    Raises:
        Refused: it is not JSON, no array, or has too many items.
        RecursionError: it is nested too deeply.
    """
    values = read_json(body)
    if not isinstance(values, list):
        raise refused(WRONG_FIELD, "The body must be a JSON array of new tasks.")
    if len(values) > MOST_ITEMS:  # pyright: ignore[reportUnknownArgumentType]
        raise refused(BATCH_TOO_LARGE, f"A batch may have {MOST_ITEMS} items at most: send more of them.")
    return values  # pyright: ignore[reportUnknownVariableType]


def outcome_of(problem: Problem) -> str:
    """The word for an item that was not accepted."""
    if problem.kind is problems.TASK_CONFLICT:
        return "conflict"
    if problem.kind.status < 500:
        return "invalid"
    return "refused" if problem.kind in NOTHING_WRITTEN else "unknown"
