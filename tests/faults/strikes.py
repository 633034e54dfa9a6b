"""What a fault is: what it strikes, how it is injected, how it is healed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from faults.stage import Stage
from faults.trees import Tree

Pids = list[int] | None  # the worker processes that are struck; None is all
Kind = Literal["tree", "server", "wire", "place", "clock", "api"]


@dataclass(frozen=True)
class Strike:
    """One planned fault. `place` is a tree's number, or 0; faults at the same place do not overlap."""

    number: int
    name: str
    place: int
    at_s: float
    for_s: float
    outlasts: bool = False


class NotYet(Exception):
    """It cannot be healed at this moment: try again a little later."""


class Missed(Exception):
    """There was nothing to strike: an earlier fault has ended it and it is not back yet."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        strikes: what it strikes.
        leases: how long it lasts at least and at most, in leases.
        inject: does it; gives the worker processes struck.
        heal: undoes it, whatever has happened meanwhile.
        pauses: whether those struck go on afterwards with the tasks that they had.
        needs: what the surroundings must have for it.
        kills: "worker" or "child" where those struck die with their tasks.
    """

    strikes: Kind
    leases: tuple[float, float]
    inject: Callable[[Stage, Strike], Pids]
    heal: Callable[[Stage, Strike], None]
    pauses: bool = False
    kills: Literal["", "worker", "child"] = ""
    needs: Literal["", "proxies", "network", "disk", "clocks"] = ""


def struck(stage: Stage, strike: Strike) -> tuple[Tree, list[int]]:
    """The tree at the strike's place and its worker processes; there must be some."""
    tree = stage.trees[strike.place]
    pids = tree.workers()
    if not tree.is_up() or not pids:
        raise Missed
    return tree, pids


def nothing(_stage: Stage, _strike: Strike) -> None:
    """What was struck heals by itself."""
