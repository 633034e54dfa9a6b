"""`POST /tasks` and `GET /tasks/{id}/status`, as plain ASGI: the two calls that everything else is measured by.

They share the guard, the limits and the problems with the rest; `document.py` describes them.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.types import Receive, Scope

from lineshaft.api import bodies
from lineshaft.api.answers import Answer, json_answer
from lineshaft.api.bodies import has_body, read_body
from lineshaft.api.deadlines import Deadlines
from lineshaft.api.new_task import NO_BODY, call_of, read_new_task
from lineshaft.api.patience import ANSWER_S
from lineshaft.api.problems import OUTCOME_UNKNOWN, Refused, refused
from lineshaft.api.status_reader import StatusReader
from lineshaft.app import App
from lineshaft.errors import OutcomeUnknownError, TaskNotFoundError
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import is_task_id
from lineshaft.task_function import Call, Options, Task

CREATE_PATH = "/tasks"
KEY_HEADER = b"idempotency-key"
STATUS_PREFIX, STATUS_SUFFIX = "/tasks/", "/status"
SHORTEST = len(STATUS_PREFIX) + len(STATUS_SUFFIX)


def status_id(path: str) -> str | None:
    """The id in `/tasks/{id}/status`; None where the path is another."""
    if not path.endswith(STATUS_SUFFIX) or not path.startswith(STATUS_PREFIX) or len(path) < SHORTEST:
        return None
    return path[len(STATUS_PREFIX) : -len(STATUS_SUFFIX)]


class FastPair:
    """The two operations. Each gives the whole answer, or raises what `problem_of` turns into one."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._statuses = StatusReader(app)
        self._bodies = Deadlines(bodies.BODY_S)
        self._submits = Deadlines(ANSWER_S)
        self._answers = {str(word): _status_answer(word) for word in Status}

    async def create(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        """`POST /tasks`: queue a task; 201 where it is new, 200 where that very task was queued before."""
        new = NO_BODY
        if has_body(scope, headers):
            body = await read_body(receive, self._app.settings.body_limit, self._bodies)
            if body:
                new = read_new_task(body)
        task = await self._submit(call_of(self._app, new, headers.get(KEY_HEADER)))
        body = b'{"taskID":"%b"}' % task.id.encode()
        if task.created is False:
            return json_answer(200, body)
        location = f"{scope.get('root_path', '')}/tasks/{task.id}"
        return json_answer(201, body, ((b"location", location.encode("latin-1", "replace")),))

    async def status(self, task_id: str) -> Answer:
        """`GET /tasks/{id}/status`: the status word and nothing else."""
        word = await self._statuses.status(task_id) if is_task_id(task_id) else None
        if word is None:
            raise TaskNotFoundError(task_id)
        return self._answers.get(word) or _status_answer(word)

    async def _submit(self, call: Call[Any]) -> Task[Any]:
        try:
            return await self._submits.within(self._app.submit(call, typed=True))
        except (TimeoutError, OutcomeUnknownError):
            raise _unknown(call.options) from None


def _unknown(options: Options) -> Refused:
    task_id = options.task_id
    named = f'with "id": "{task_id}"' if options.key is None else "with that Idempotency-Key"
    detail = (
        f"Redis did not answer in time whether it accepted task {task_id}. Ask for its status, "
        f"or send the same again {named}, which makes no second task."
    )
    return refused(OUTCOME_UNKNOWN, detail, taskID=task_id)


def _status_answer(word: str) -> Answer:
    return json_answer(200, msgspec.json.encode({"status": word}))
