"""One time limit for very many short waits, with one timer for all of them.

`asyncio.timeout` sets and takes back a timer for each; measured, that is a seventh of what a `POST /tasks` costs.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

LOOK_S = 0.2


class Deadlines:
    """Ends each wait that takes longer than `limit_s`, at most LOOK_S late. Belongs to one loop."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._begun_s: dict[asyncio.Task[Any], float] = {}  # the oldest first
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def within(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for it; one wait at a time in each task.

        Raises:
            TimeoutError: it took too long, and was cancelled.
        """
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        loop = asyncio.get_running_loop()
        self._begun_s[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(LOOK_S, self._look, loop)
        try:
            return await work
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise  # somebody else wants it to end
        finally:
            self._begun_s.pop(task, None)
            self._overdue.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        latest_s = loop.time() - self._limit_s
        for task, begun_s in list(self._begun_s.items()):
            if begun_s > latest_s:
                break
            del self._begun_s[task]
            self._overdue.add(task)
            task.cancel()
        self._timer = loop.call_later(LOOK_S, self._look, loop) if self._begun_s else None
