"""Which queues a worker takes from, and in which turn."""

from collections.abc import Sequence

from lineshaft.broker.inspector import Inspector
from lineshaft.protocol.keys import DEFAULT_QUEUE

AT_ONCE = 50


class Queues:
    """The queues named, in their order; or, where none is named, all that the app or the server knows."""

    def __init__(self, inspector: Inspector, named: Sequence[str], of_app: set[str]) -> None:
        self._inspector = inspector
        self._fixed = bool(named)
        self._of_app = of_app | {DEFAULT_QUEUE}
        self._all = list(named) if named else self._sorted(self._of_app)
        self._turn = 0
        self._amount = 0
        self.stale = False

    def all(self) -> list[str]:
        """Every queue."""
        return self._all

    def next_some(self) -> list[str]:
        """The queues of the next claim: all, or 50 at a time in turn, the first always."""
        if len(self._all) <= AT_ONCE:
            return self._all
        first, rest = self._all[:1], self._all[1:]
        start = self._turn % len(rest)
        self._turn += AT_ONCE - 1
        return first + (rest + rest)[start : start + AT_ONCE - 1]

    def hear_of(self, amount: int) -> None:
        """Hear how many queues the server knows: another number than before means that some are new."""
        self.stale = self.stale or (amount != self._amount and not self._fixed)
        self._amount = amount

    async def refresh(self) -> None:
        """Ask which queues there are; raises what the connection raises."""
        self._all = self._sorted(self._of_app | set(await self._inspector.queue_names()))
        self.stale = False

    @staticmethod
    def _sorted(names: set[str]) -> list[str]:
        return [DEFAULT_QUEUE, *sorted(names - {DEFAULT_QUEUE})]
