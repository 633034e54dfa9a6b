"""Compares what this worker runs with what Redis says its session owns, and mends each difference under its token.

What it finds it never runs.
"""

from lineshaft.broker.broker import Broker, Return
from lineshaft.inspection.inspector import Inspector
from lineshaft.telemetry import Signals, logger
from lineshaft.worker.run import Stop, Table

log = logger("reconciler")


class Reconciler:
    """The one mechanism that covers a claim whose reply was lost, and a failover to a replica that was behind.

    Never runs while a claim is unanswered, and no claim is sent while it runs: the fetcher sees to that.
    """

    def __init__(self, broker: Broker, inspector: Inspector, table: Table, signals: Signals) -> None:
        self._broker = broker
        self._inspector = inspector
        self._table = table
        self._signals = signals

    async def run_once(self, session: str) -> None:
        """Compare once; raises what the connection raises, and then nothing is mended."""
        known, expected = self._table.keys(), {run.key for run in self._table if not run.ended}
        owned = set((await self._inspector.owned(session)).items())
        unknown = owned - known
        if unknown:
            # Claimed for us, and we never heard of it: handed back, never run from here.
            log.warning("%d claimed tasks never arrived here and are handed back", len(unknown))
            await self._broker.release(session, [Return(task_id, token) for task_id, token in sorted(unknown)])
        for key in expected - owned:
            run = self._table.find(key)
            if run is not None and not run.ended:
                log.warning("task %s is no longer ours and is stopped", key[0])
                run.ask_to_stop(Stop.LOST)
        self._signals.emit("reconciled", released=len(unknown))
