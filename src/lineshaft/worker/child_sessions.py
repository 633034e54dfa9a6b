"""The sessions of a supervisor's children: each is opened, renewed, and ended once its child has ended.

None is ended before its child.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from lineshaft.broker.broker import Broker
from lineshaft.broker.connection import Connection
from lineshaft.children import Child
from lineshaft.clock import monotonic_s
from lineshaft.errors import ConfigurationError, LineshaftError
from lineshaft.protocol.keys import Keys
from lineshaft.settings import Settings, server_url
from lineshaft.telemetry import logger
from lineshaft.worker.backoff import Backoff
from lineshaft.worker.lease_keeper import LeaseKeeper, SessionGoneError
from lineshaft.worker.sessions import new_session, session_record

log = logger("supervisor")

LAST_CALL_S = 2.0  # for ending sessions when there is no time left


class ChildTenant:
    """A child as the tenant of its session: passes on what the lease keeper says, once the child knows its session."""

    def __init__(self, child: Child, retire: Callable[[Child], None]) -> None:
        self._child = child
        self._retire = retire
        self.permitted_until_s = 0.0

    def permit(self, until_s: float) -> None:
        """It may go on until then."""
        self.permitted_until_s = until_s
        if self._child.has_orders:
            self._child.tell({"permit": until_s})

    def stop_tasks(self, task_ids: list[str]) -> None:
        """These of its tasks were cancelled."""
        self._child.tell({"stop": task_ids})

    def obey(self, order: str) -> None:
        """It was told to be quiet, which it does by itself, or to stop."""
        if order == "stop":
            self._retire(self._child)
        else:
            self._child.tell({"quiet": True})

    def lose(self) -> None:
        """Its session has gone."""
        self._child.tell({"lost": True})


class ChildSessions:
    """One session for each child, renewed on one connection, and ended on another.

    Args:
        settings: of the app.
        queues: that the children take from.
        retire: is called with a child that was told to stop, again and again until its session ends.
    """

    def __init__(self, settings: Settings, queues: Sequence[str], retire: Callable[[Child], None]) -> None:
        self._settings = settings
        self._queues = queues
        self._retire = retire
        name, timeout_s = "lineshaft-supervisor", settings.call_timeout_s
        self._connections = [Connection(partial(server_url, settings), name=name, timeout_s=timeout_s) for _ in range(2)]
        renewing, self._broker = (Broker(connection, Keys(settings.namespace), settings) for connection in self._connections)
        self._keeper = LeaseKeeper(renewing)
        self._endings: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to renew."""
        self._keeper.start()

    async def open(self, child: Child) -> str:
        """Open a session for a child, for as long as that takes or the child lives, and tell it; gives the session.

        Raises:
            ConfigurationError: the server refuses, and no session was opened before.
            LineshaftError: none could be opened for as long as the settings put up with that.
        """
        session, tenant = new_session(), ChildTenant(child, self._retire)
        record = session_record(self._queues, self._settings.concurrency, child.pid)
        backoff, since_s, limit_s = Backoff(), monotonic_s(), self._settings.give_up_s
        while child.lives:
            try:
                await self._keeper.open(session, record, tenant)
            except SessionGoneError:
                session = new_session()
            except LineshaftError as error:
                if limit_s and monotonic_s() - since_s > limit_s:
                    reason = f"no session could be opened for {limit_s:g} s, so this command gives up: {error}"
                    raise LineshaftError(reason) from error
                if isinstance(error, ConfigurationError) and not self._keeper.has_opened:
                    raise
                backoff.say(log, "a worker waits for its session: %s", error)
                await backoff.wait()
            else:
                until_s, url = tenant.permitted_until_s, self._settings.redis_url
                child.tell({"session": session, "permitted_until_s": until_s, "redis_url": url})
                child.has_orders = True
                break
        return session

    async def end(self, session: str, *, clean: bool) -> None:
        """Close the session of a child that drained, reap that of one that died. Goes on in the background if Redis is away."""
        self._keeper.drop(session)
        ending = asyncio.create_task(self._end_for_sure(session, clean=clean))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)
        await asyncio.wait([ending], timeout=LAST_CALL_S)

    async def close(self) -> None:
        """Give what is still being ended a moment, then renew no more and drop the connections."""
        if self._endings:
            await asyncio.wait(self._endings, timeout=LAST_CALL_S)
        await self._keeper.stop()
        for connection in self._connections:
            await connection.close()

    async def _end_for_sure(self, session: str, *, clean: bool) -> None:
        backoff = Backoff()
        while True:
            try:
                freed = await self._broker.close(session) if clean else await self._reap(session)
            except LineshaftError as error:
                backoff.say(log, "session %s cannot be ended yet: %s", session, error)
                await backoff.wait()
            else:
                if freed:
                    log.warning("session %s has ended; tasks of it that are ready again: %d", session, freed)
                return

    async def _reap(self, session: str) -> int:
        freed = 0
        while True:
            reaped = await self._broker.reap(session)
            freed += reaped.freed
            if not reaped.more:
                return freed
