"""Waits for the ends of tasks: by push, and by asking again, so that a lost message costs seconds and never the answer."""

import asyncio
import contextlib
import secrets
from collections import defaultdict

from lineshaft.broker.broker import BATCH, Broker
from lineshaft.broker.connection import Connection
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError, ServerUnavailableError
from lineshaft.protocol import reply
from lineshaft.protocol.reply import Ended

ASK_AGAIN_S = 3.0
BACKOFF_S = 0.2


class Watcher:
    """One client's channel, and who waits for what on it.

    Subscribes before it asks, so an end between the two is not missed; asks again every few seconds and after each
    reconnect, so neither is a lost message, nor a word that a foreign program set without telling anybody.
    """

    def __init__(self, broker: Broker, subscription: Connection) -> None:
        self._broker = broker
        self._subscription = subscription
        self._channel = broker.keys.watch_channel(secrets.token_hex(8))
        self._waiting: defaultdict[str, set[asyncio.Future[Ended | None]]] = defaultdict(set)
        self._to_ask: list[str] = []
        self._asked = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    async def wait(self, task_id: str) -> Ended | None:
        """Wait until the task has ended; None when there is no record of it. Put a time limit around it yourself."""
        if not self._loops:
            self._loops = [asyncio.create_task(self._listen()), asyncio.create_task(self._ask())]
        future: asyncio.Future[Ended | None] = asyncio.get_running_loop().create_future()
        self._waiting[task_id].add(future)
        self._to_ask.append(task_id)
        self._asked.set()
        try:
            return await future
        finally:
            self._waiting[task_id].discard(future)
            if not self._waiting[task_id]:
                del self._waiting[task_id]

    async def close(self) -> None:
        """Stop listening; whoever still waits is cancelled."""
        loops, self._loops = self._loops, []
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        for futures in list(self._waiting.values()):
            for future in futures:
                future.cancel()
        await self._subscription.close()

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(LineshaftError):  # whether there is any use in waiting, the other loop finds out
                await self._subscription.subscribe(self._channel)
                self._to_ask.extend(self._waiting)
                self._asked.set()
                while True:
                    message = await self._subscription.listen()
                    if message[0] == b"message":
                        self._hear(*reply.ended_message(message[2]))
            await asyncio.sleep(BACKOFF_S)

    async def _ask(self) -> None:
        all_at_s = monotonic_s() + ASK_AGAIN_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, all_at_s - monotonic_s())):
                    await self._asked.wait()
            self._asked.clear()
            ids, self._to_ask = self._to_ask, []
            if monotonic_s() >= all_at_s:
                ids, all_at_s = list(self._waiting), monotonic_s() + ASK_AGAIN_S
            try:
                await self._ask_about([task_id for task_id in dict.fromkeys(ids) if task_id in self._waiting])
            except ServerUnavailableError:
                await asyncio.sleep(BACKOFF_S)  # all are asked about again within ASK_AGAIN_S
            except LineshaftError as error:
                self._give_up(error)  # a wrong password, no server at all: waiting would not help

    async def _ask_about(self, ids: list[str]) -> None:
        for start in range(0, len(ids), BATCH):
            batch = ids[start : start + BATCH]
            for task_id, answer in zip(batch, await self._broker.watch(self._channel, batch), strict=True):
                if answer != "watching":
                    self._answer(task_id, answer if isinstance(answer, Ended) else None)

    def _hear(self, task_id: str, ended: Ended) -> None:
        if ended.outcome is not None:
            self._answer(task_id, ended)
        elif task_id in self._waiting:  # a large outcome does not travel in the message: ask for it
            self._to_ask.append(task_id)
            self._asked.set()

    def _give_up(self, error: LineshaftError) -> None:
        for futures in list(self._waiting.values()):
            for future in futures:
                if not future.done():
                    future.set_exception(type(error)(*error.args))

    def _answer(self, task_id: str, ended: Ended | None) -> None:
        for future in self._waiting.get(task_id, ()):
            if not future.done():
                future.set_result(ended)
