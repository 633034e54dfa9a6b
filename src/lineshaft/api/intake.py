"""Takes in what is to be queued: a body within its limits, and a call within the time that whoever asked waits."""

from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Scope

from lineshaft.api import bodies
from lineshaft.api.bodies import has_body, read_body
from lineshaft.api.deadlines import Deadlines
from lineshaft.api.patience import ANSWER_S
from lineshaft.api.problems import OUTCOME_UNKNOWN, Refused, refused
from lineshaft.app import App
from lineshaft.errors import OutcomeUnknownError
from lineshaft.task_function import Call, Options, Task

KEY_HEADER = b"idempotency-key"


class Intake:
    """Takes in for one app."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._bodies = Deadlines(bodies.BODY_S)
        self._submits = Deadlines(ANSWER_S)

    async def body(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        """The body; empty where there is none. Raises as `read_body`."""
        if not has_body(scope, headers):
            return b""
        return await read_body(receive, self._app.settings.body_limit, self._bodies)

    async def submit(self, call: Call[Any]) -> Task[Any]:
        """Queue one call; raises as `App.submit`, but where the outcome is unknown, Refused with what to do then."""
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
