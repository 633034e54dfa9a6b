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
        self.known = 0

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

    async def refresh(self) -> None:
        """Look for queues that are new; raises what the connection raises."""
        if not self._fixed:
            names = await self._inspector.queue_names()
            self.known = len(names)
            self._all = self._sorted(self._of_app | set(names))

    @staticmethod
    def _sorted(names: set[str]) -> list[str]:
        return [DEFAULT_QUEUE, *sorted(names - {DEFAULT_QUEUE})]
