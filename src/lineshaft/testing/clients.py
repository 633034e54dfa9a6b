"""The client of an app under test: it goes by the test's clock, notes what it enqueued, and leaves no connection open."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from lineshaft.broker.broker import Broker, NewTask
from lineshaft.broker.connection import Connection, Part
from lineshaft.broker.watcher import Watcher
from lineshaft.client import Client
from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol.keys import Keys
from lineshaft.protocol.reply import Ended
from lineshaft.settings import Settings
from lineshaft.testing.clock import Clock

Note = Callable[[NewTask], None]


class BriefConnection(Connection):
    """A connection that is closed after each call: the loop of a test may end at any time, and tells nobody."""

    def __init__(self, address: Callable[[], str], timeout_s: float) -> None:
        super().__init__(address, name="lineshaft-testing", timeout_s=timeout_s)
        self._one_at_a_time = asyncio.Lock()

    async def call(self, *command: Part, timeout_s: float | None = None) -> Any:
        """As `Connection.call`."""
        async with self._one_at_a_time:
            try:
                return await super().call(*command, timeout_s=timeout_s)
            finally:
                await self.close()

    async def calls(self, commands: Sequence[Sequence[Part]]) -> list[Any]:
        """As `Connection.calls`."""
        async with self._one_at_a_time:
            try:
                return await super().calls(commands)
            finally:
                await self.close()


class ClientInTest(Client):
    """A client that is told the time, and tells what it made.

    Args:
        address: gives the server's URL.
        keys: the shard.
        settings: the app's.
        clock: the time for the scripts.
        note: is given each task that was created.
    """

    def __init__(self, address: Callable[[], str], keys: Keys, settings: Settings, clock: Clock, note: Note) -> None:
        super().__init__(address, keys, settings)

        def connection() -> Connection:
            return BriefConnection(address, settings.call_timeout_s)

        self._note = note
        self._waits = 0
        self._broker = clock.guide(Broker(connection(), keys, settings))
        self._acting = clock.guide(Broker(connection(), keys, settings))
        listening = Connection(address, name="lineshaft-testing-listen", timeout_s=settings.call_timeout_s)
        self._watcher = Watcher(Broker(connection(), keys, settings), listening)
        self.inspector = Inspector(connection(), keys)

    async def wait(self, task_id: str, timeout_s: float | None) -> Ended | None:
        """As `Client.wait`; whoever waits last stops the listening."""
        self._waits += 1
        try:
            return await super().wait(task_id, timeout_s)
        finally:
            self._waits -= 1
            if self._waits == 0:
                await self._watcher.close()

    async def _deliver(self, batch: Sequence[NewTask]) -> list[str]:
        words = await super()._deliver(batch)
        for task, word in zip(batch, words, strict=True):
            if word == "created":
                self._note(task)
        return words
