"""Hears that a task was cancelled, and stops it if it runs here. The message is a hint; renewals bring the same news."""

from lineshaft.broker.connection import Connection
from lineshaft.errors import LineshaftError
from lineshaft.inspection.inspector import Inspector
from lineshaft.worker.executor import Executor
from lineshaft.worker.loop import Loop
from lineshaft.worker.run import Table


class Canceller(Loop):
    """One loop with a connection of its own."""

    def __init__(self, subscription: Connection, channel: str, inspector: Inspector, table: Table, executor: Executor) -> None:
        super().__init__()
        self._subscription = subscription
        self._channel = channel
        self._inspector = inspector
        self._table = table
        self._executor = executor
        self._subscribed = False

    async def run_once(self, task_id: str) -> None:
        """Stop a task if it runs here and is really marked."""
        run = self._table.get(task_id)
        if run is None or run.ended:
            return
        (marked,) = await self._inspector.is_cancelling([task_id])
        if marked:
            self._executor.stop_task(task_id)

    async def _step(self) -> None:
        if not self._subscribed:
            await self._subscription.subscribe(self._channel)
            self._subscribed = True
        message = await self._subscription.listen()
        if message[0] == b"message":
            await self.run_once(message[2].decode(errors="replace"))

    def _failed(self, error: LineshaftError) -> str:
        self._subscribed = False
        return super()._failed(error)  # until it listens again, renewals bring the news
