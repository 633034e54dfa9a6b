"""Reads status words for many requests at once: while one call is on the wire, what arrives goes out together in the next."""

import asyncio

from lineshaft.api.patience import answered
from lineshaft.app import App
from lineshaft.errors import ServerUnavailableError

BATCH = 500

Batch = list[tuple[str, asyncio.Future[str | None]]]


class StatusReader:
    """Gives the status word of a task. No timers: one caller alone never waits for others."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: Batch = []
        self._reader: asyncio.Task[None] | None = None

    async def status(self, task_id: str) -> str | None:
        """The word, or None when there is no such task.

        Raises:
            ServerUnavailableError: Redis is away.
        """
        future: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((task_id, future))
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
        return await future

    async def _read(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._answer(batch)
        finally:
            self._reader = None

    async def _answer(self, batch: Batch) -> None:
        task_ids = [task_id for task_id, _ in batch]
        try:
            words = await answered(lambda: self._app.client.inspector.statuses(task_ids))
        except ServerUnavailableError as error:
            behind, self._waiting = self._waiting, []  # nobody waits for two time-outs
            for _, future in batch + behind:  # each gets an error of its own, which would else collect everyone's traceback
                if not future.done():
                    future.set_exception(ServerUnavailableError(str(error), sent=error.sent))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the callers' to handle
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), word in zip(batch, words, strict=True):
                if not future.done():
                    future.set_result(word)
