"""What producers and operators do, for one event loop: natural batching on the way out, push on the way back.

Decides nothing about a task: the scripts do.
"""

import asyncio
import contextlib
import copy
import os
import socket
from collections.abc import Callable, Sequence

from lineshaft.broker.broker import BATCH, Broker, NewTask
from lineshaft.broker.connection import Connection
from lineshaft.broker.watcher import Watcher
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError, OutcomeUnknownError, ServerFullError, ServerUnavailableError
from lineshaft.inspection.checkup import Checkup
from lineshaft.inspection.counters import Counters
from lineshaft.inspection.inspector import Inspector
from lineshaft.inspection.pages import Pages
from lineshaft.protocol.keys import Keys
from lineshaft.protocol.reply import Ended
from lineshaft.settings import Settings

FIRST_RESEND_S, LAST_RESEND_S = 0.05, 1.0
LEAST_CALL_S = 0.05
BYTES_AT_ONCE = 4_194_304


class Client:
    """What producers need of Redis. Belongs to the loop it was first used on.

    While one enqueue is on the wire, what arrives waits and goes out together in the next: no timers, and one caller
    alone never waits.
    """

    def __init__(self, address: Callable[[], str], keys: Keys, settings: Settings) -> None:
        def connection(purpose: str, *, repeats: bool = False) -> Connection:
            name = f"lineshaft-{purpose}-{socket.gethostname()}-{os.getpid()}"
            return Connection(address, name=name, timeout_s=settings.call_timeout_s, repeats=repeats)

        self._settings = settings
        self._connections = [connection("enqueue"), connection("read", repeats=True), connection("watch")]
        enqueuing, reading, watching = self._connections
        self._broker = Broker(enqueuing, keys, settings)
        self._acting = Broker(reading, keys, settings)
        self._watcher = Watcher(Broker(watching, keys, settings), connection("listen"))
        self._waiting: list[tuple[NewTask, asyncio.Future[str]]] = []
        self._sender: asyncio.Task[None] | None = None
        self.inspector = Inspector(reading, keys)
        self.pages = Pages(reading, keys, self.inspector)
        self.counters = Counters(reading, keys, self.inspector)
        self.checkup = Checkup(reading, keys, self.inspector)

    async def enqueue(self, task: NewTask) -> str:
        """Accept one task: "created", "same", "conflict" or "damaged".

        Raises:
            OutcomeUnknownError: it was sent and no answer came within `resend_s`; enqueuing it again is safe.
            ServerUnavailableError, ServerFullError: it was not accepted.
        """
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append((task, future))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())
        return await future

    async def enqueue_many(self, tasks: Sequence[NewTask]) -> list[str]:
        """Accept many tasks, in order, BATCH to a round trip; raises as `enqueue`, and then the first ones may be accepted."""
        words: list[str] = []
        while len(words) < len(tasks):
            start = len(words)
            words += await self._deliver(tasks[start : start + fitting(tasks[start : start + BATCH])])
        return words

    async def wait(self, task_id: str, timeout_s: float | None) -> Ended | None:
        """Wait for the end of a task; None when there is no record of it.

        Raises:
            TimeoutError: it had not ended in time.
        """
        async with asyncio.timeout(timeout_s):
            return await self._watcher.wait(task_id)

    async def cancel(self, task_id: str) -> str:
        """Cancel: "cancelled", "cancelling", "unknown", or the word the task has ended with. Repeated once if need be."""
        return await self._acting.cancel(task_id)

    async def cancel_many(self, task_ids: Sequence[str]) -> list[str]:
        """Cancel at most BATCH tasks, each as `cancel` does. Where it raises, some may be cancelled; it is safe to repeat."""
        return await self._acting.cancel_many(task_ids)

    async def retry(self, task_id: str, queue: str, attempts_seen: int) -> str:
        """Run an ended task again; answers as `Broker.retry`. Harmless to repeat, for the attempts seen tell."""
        return await self._acting.retry(task_id, queue, attempts_seen)

    async def pause(self, queue: str) -> None:
        """Pause a queue for the whole fleet: no task of it is claimed after this returns. What runs goes on."""
        await self._acting.pause(queue)

    async def resume(self, queue: str) -> None:
        """Let a queue that was paused be claimed from again; idle workers start at once."""
        await self._acting.resume(queue)

    async def order(self, session: str, order: str) -> str:
        """Tell one worker "quiet", to claim nothing more, or "stop", to end as for SIGTERM; it hears within seconds.

        Gives the order that stands from now on, for "stop" overrules "quiet"; "gone" where no such session is open.
        """
        return await self._acting.order(session, order)

    async def close(self) -> None:
        """Send what waits, then drop the connections."""
        if self._sender is not None:
            with contextlib.suppress(LineshaftError):
                await self._sender
        await self._watcher.close()
        for connection in self._connections:
            await connection.close()

    async def _send(self) -> None:
        try:
            while self._waiting:
                amount = fitting([task for task, _ in self._waiting[:BATCH]])
                batch, self._waiting = self._waiting[:amount], self._waiting[amount:]
                try:
                    words = await self._deliver([task for task, _ in batch])
                except Exception as error:  # noqa: BLE001 - whatever it is, it is the callers' to handle
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(copy.copy(error))  # each caller's own, for each adds its traceback
                    continue
                for (_, future), word in zip(batch, words, strict=True):
                    if not future.done():
                        future.set_result(word)
        finally:
            self._sender = None

    async def _deliver(self, batch: Sequence[NewTask]) -> list[str]:
        """Send one batch until it is answered: the script makes a repeat harmless."""
        give_up_s = monotonic_s() + self._settings.resend_s
        delay_s, sent = FIRST_RESEND_S, False
        while True:
            try:
                left_s = max(LEAST_CALL_S, give_up_s - monotonic_s())
                return await self._broker.enqueue(batch, timeout_s=min(left_s, self._settings.call_timeout_s))
            except ServerFullError:
                raise
            except ServerUnavailableError as error:
                sent = sent or error.sent
                if monotonic_s() + delay_s < give_up_s:
                    await asyncio.sleep(delay_s)
                    delay_s = min(2 * delay_s, LAST_RESEND_S)
                elif sent:
                    names = ", ".join(task.task_id for task in batch[:3]) + (", ..." if len(batch) > 3 else "")
                    raise OutcomeUnknownError(
                        f"Redis did not say whether it accepted {names}: look at the status, or enqueue again under the same id"
                    ) from error
                else:
                    raise


def fitting(tasks: Sequence[NewTask]) -> int:
    """How many of these, from the first on, go into one call: at least one, and then as many as BYTES_AT_ONCE has room for."""
    size = 0
    for amount, task in enumerate(tasks):
        size += len(task.envelope)
        if amount > 0 and size > BYTES_AT_ONCE:
            return amount
    return len(tasks)
