"""`POST /tasks` and `GET /tasks/{id}/status`, as plain ASGI: the two calls that everything else is measured by.

They share the guard, the limits and the problems with the rest, and nothing of FastAPI; `document.py` describes them.
"""

from collections.abc import Mapping

import msgspec
from starlette.types import Receive, Scope

from lineshaft.api.answers import Answer, json_answer
from lineshaft.api.intake import KEY_HEADER, Intake
from lineshaft.api.new_task import NO_BODY, call_of, new_task_of, read_json
from lineshaft.api.status_reader import StatusReader
from lineshaft.app import App
from lineshaft.errors import TaskNotFoundError
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import is_task_id

CREATE_PATH = "/tasks"
STATUS_PREFIX, STATUS_SUFFIX = "/tasks/", "/status"
SHORTEST = len(STATUS_PREFIX) + len(STATUS_SUFFIX)


def status_id(path: str) -> str | None:
    """The id in `/tasks/{id}/status`; None where the path is another."""
    if not path.endswith(STATUS_SUFFIX) or not path.startswith(STATUS_PREFIX) or len(path) < SHORTEST:
        return None
    return path[len(STATUS_PREFIX) : -len(STATUS_SUFFIX)]


class FastPair:
    """The two operations. Each gives the whole answer, or raises what `problem_of` turns into one."""

    def __init__(self, app: App, intake: Intake) -> None:
        self._app = app
        self._intake = intake
        self._statuses = StatusReader(app)
        self._answers = {str(word): _status_answer(word) for word in Status}

    async def create(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> Answer:
        """`POST /tasks`: queue a task; 201 where it is new, 200 where that very task was queued before."""
        given = await self._intake.body(scope, headers, receive)
        new = new_task_of(read_json(given)) if given else NO_BODY
        task = await self._intake.submit(call_of(self._app, new, headers.get(KEY_HEADER)))
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


def _status_answer(word: str) -> Answer:
    return json_answer(200, msgspec.json.encode({"status": word}))
