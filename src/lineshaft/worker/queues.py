"""Which queues a worker takes from, and in which turn."""

from collections.abc import Sequence

from lineshaft.inspection.inspector import Inspector
from lineshaft.protocol.keys import DEFAULT_QUEUE

AT_ONCE = 50


class Queues:
    """The queues named, in their order; or, where none is named, all that the app or the server knows."""

    def __init__(self, inspector: Inspector, named: Sequence[str], of_app: set[str]) -> None:
        self._inspector = inspector
        self._fixed = bool(named)
        self._of_app = of_app | {DEFAULT_QUEUE}
        self._all = list(dict.fromkeys(named)) if named else self._sorted(self._of_app)
        self._turns: dict[str, int] = {}
        self._amount = 0
        self.stale = False

    def all(self) -> list[str]:
        """Every queue."""
        return self._all

    def next_some(self, who: str, wanted: str | None = None) -> list[str]:
        """The queues of somebody's next call: all, or 50 at a time in turn; the first always, and one that is wanted now."""
        if len(self._all) <= AT_ONCE:
            return self._all
        first, rest = self._all[:1], self._all[1:]
        if wanted is not None and wanted not in first:
            first = [*first, wanted]
        start = self._turns.get(who, 0) % len(rest)
        self._turns[who] = start + AT_ONCE - 2
        return list(dict.fromkeys(first + (rest + rest)[start : start + AT_ONCE - 2]))

    def hear_of(self, amount: int) -> None:
        """Hear how many queues the server knows: another number than before means that some are new."""
        self.stale = self.stale or (amount != self._amount and not self._fixed)
        self._amount = amount

    async def refresh(self) -> None:
        """Ask which queues there are, unless they were named; raises what the connection raises."""
        if self._fixed:
            return
        self._all = self._sorted(self._of_app | set(await self._inspector.queue_names()))
        self.stale = False

    @staticmethod
    def _sorted(names: set[str]) -> list[str]:
        return [DEFAULT_QUEUE, *sorted(names - {DEFAULT_QUEUE})]
