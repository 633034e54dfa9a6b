"""What a contender is, and what it gives for one turn."""

from dataclasses import dataclass
from typing import Protocol


class BenchError(Exception):
    """A figure could not be measured; the message says which and what to do."""


@dataclass(frozen=True)
class Figures:
    """What one turn measured, each a rate a second; None is what the contender does not do."""

    enqueue_per_s: float | None = None
    run_per_s: float | None = None
    set_per_s: float | None = None  # the yardstick's

    def __str__(self) -> str:
        rates = {"enqueue": self.enqueue_per_s, "run": self.run_per_s, "SET": self.set_per_s}
        return ", ".join(f"{name} {rate:,.0f}/s" for name, rate in rates.items() if rate is not None)


class Contender(Protocol):
    """One line of the table. A module of this folder holds it as CONTENDER, and `__main__` lists it.

    A turn is called in the main thread, outside any event loop, on a server that was just emptied. It fills the queue
    first and starts its worker after that, so that `run_per_s` is a pure drain: N over the time from the start of the
    first task to the end of the N-th, taken inside the worker. A turn that takes over 120 s is ended by SystemExit;
    what it started must end with it, so it starts its processes by `bench.children`. It raises BenchError where what
    it finds afterwards (states, results) is not what it should be: a wrong figure is worse than none.
    """

    @property
    def name(self) -> str:
        """The name in the table and for --only."""
        ...

    @property
    def tasks(self) -> int:
        """How many tasks a turn has where --tasks does not say: enough for 2 to 5 s."""
        ...

    def prepare(self, url: str) -> None:
        """Make what all turns need, untimed, once; raise BenchError where that fails."""
        ...

    def turn(self, url: str, tasks: int) -> Figures:
        """Enqueue and run that many tasks on the server at `url` (redis://host:port/0)."""
        ...
