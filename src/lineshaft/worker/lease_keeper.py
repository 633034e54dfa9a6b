"""Renews the leases of sessions, and tells each worker until when it may go on.

While Redis does not answer, it keeps the permits going, a few seconds at a time: nobody can reap while Redis is away, and
reaping takes two looks after it is back. So what a permit that runs out says is that whoever keeps the leases has stopped.
(Where only this machine is cut off, others do reap, and a run goes on here whose end is refused: see ADR 0010.)
"""

import asyncio
from typing import Protocol

from lineshaft.broker.broker import Broker
from lineshaft.clock import monotonic_s
from lineshaft.errors import LineshaftError
from lineshaft.telemetry import logger
from lineshaft.worker.loop import Loop

log = logger("lease_keeper")

FAILED_AGAIN_S = 1.0
CALL_TIMEOUT_S = 1.0


class Tenant(Protocol):
    """Who works under a session."""

    def permit(self, until_s: float) -> None:
        """You may go on until this time of the monotonic clock."""

    def stop_tasks(self, task_ids: list[str]) -> None:
        """These of your tasks were cancelled."""

    def obey(self, order: str) -> None:
        """Be "quiet", or "stop"; it is said again with each renewal."""

    def lose(self) -> None:
        """Your session has gone: your tasks may be another's by now."""


class SessionGoneError(LineshaftError):
    """A session that was closed or reaped is never opened again."""


class LeaseKeeper(Loop):
    """One loop for all sessions of a process: one call renews them all."""

    def __init__(self, broker: Broker) -> None:
        super().__init__()
        self._broker = broker
        self._lease_s = broker.settings.lease_s
        self._renew_s = broker.settings.renew_s
        self._tenants: dict[str, Tenant] = {}
        self.has_opened = False  # ever
        self._opening_since_s: dict[str, float] = {}

    async def open(self, session: str, record: dict[str, str | int], tenant: Tenant) -> None:
        """Open a session and keep its lease from now on.

        Raises:
            SessionGoneError: the session was opened before and has gone, as when the reply to that came too late.
            LineshaftError: it could not be opened.
        """
        sent_s = self._opening_since_s.setdefault(session, monotonic_s())  # a repeat does not lengthen the lease
        word = await self._broker.open(session, self._lease_s, {**record, "lease_ms": round(self._lease_s * 1000)})
        del self._opening_since_s[session]
        if word == "gone":
            raise SessionGoneError(f"session {session} was closed or reaped before: take a new one")
        self.has_opened = True
        tenant.permit(sent_s + self._lease_s)
        self._tenants[session] = tenant

    def drop(self, session: str) -> None:
        """No longer keep the lease of a session."""
        self._tenants.pop(session, None)

    async def run_once(self) -> None:
        """Renew all leases.

        Raises:
            LineshaftError: Redis did not answer; the permits go on.
        """
        tenants = dict(self._tenants)
        if not tenants:
            return
        sent_s = monotonic_s()
        try:
            answers = await self._broker.renew(dict.fromkeys(tenants, self._lease_s), timeout_s=CALL_TIMEOUT_S)
        except LineshaftError:
            for tenant in tenants.values():
                tenant.permit(monotonic_s() + min(self._lease_s, self._broker.settings.look_gap_s))
            raise
        for session, renewed in answers.items():
            if session not in self._tenants:
                continue  # dropped while the call was on its way
            if renewed is None:
                self.drop(session)
                tenants[session].lose()
                continue
            tenants[session].permit(sent_s + self._lease_s)
            if renewed.to_stop:
                tenants[session].stop_tasks(renewed.to_stop)
            if renewed.order:
                tenants[session].obey(renewed.order)

    async def _step(self) -> None:
        pause_s = self._renew_s
        try:
            await self.run_once()
        except LineshaftError as error:
            log.warning("leases could not be renewed, trying again in %g s: %s", FAILED_AGAIN_S, error)
            pause_s = min(FAILED_AGAIN_S, self._renew_s)
        await asyncio.sleep(pause_s)
