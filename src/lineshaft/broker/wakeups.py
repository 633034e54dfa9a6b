"""Waits for wake-up tokens, so that an idle worker hears of a new task at once and asks Redis almost nothing."""

from collections.abc import Sequence

from lineshaft.broker.connection import Connection
from lineshaft.protocol.keys import Keys

BLOCK_S = 30
QUEUES_AT_ONCE = 500


class Wakeups:
    """A connection of its own on which a blocking read may wait."""

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self._connection = connection
        self._keys = keys

    async def wait(self, queues: Sequence[str]) -> str | None:
        """Wait for a token of one of these queues, take it and say whose it was; None when none came for a while.

        Raises:
            ServerUnavailableError: the connection broke or the server is not ready.
        """
        tokens = {self._keys.wake(queue): queue for queue in queues[:QUEUES_AT_ONCE]}
        popped = await self._connection.call("BLPOP", *tokens, BLOCK_S, timeout_s=BLOCK_S + 10)
        return tokens[popped[0].decode()] if popped else None
