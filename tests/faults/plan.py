"""What happens in one run, from its seed alone: which faults, where, when and for how long, and what is produced."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faults.strikes import Strike
from faults.surroundings import ROOT_ONLY
from faults.table import FAULTS
from integration.processes import SHORT
from lineshaft.settings import Settings

TREES = 3
QUIET_S = 1.0  # from the first run of a task to the first fault
EVERY_LEASES = 0.35  # time between faults
BACK_S = 2.0  # until a tree that was struck works again
LEAST_KINDS, MOST_KINDS = 3, 7
PLACES = {
    "server": range(1), "api": range(1), "tree": range(TREES), "wire": range(TREES + 1), "place": range(1, TREES),
    "clock": range(TREES),
}  # fmt: skip
PRODUCED = {"batches": 1500, "awaited": 700, "sync": 200, "http": 200, "foreign": 200}
PRODUCED_REAL = {name: 4 * amount for name, amount in PRODUCED.items()}


@dataclass(frozen=True)
class Plan:
    """One run. `settings` are those of workers and API, `patience` those of the producers."""

    seed: int
    seconds: float
    real: bool
    lease_s: float
    settings: Mapping[str, Any]
    patience: Mapping[str, Any]
    fsync: str
    producers: Mapping[str, int]
    kinds: Sequence[str]
    strikes: Sequence[Strike]

    @property
    def needs(self) -> frozenset[str]:
        """What the surroundings must have for these faults."""
        return frozenset(FAULTS[strike.name].needs for strike in self.strikes) - {""}

    def lines(self) -> list[str]:
        """The schedule, for people."""
        head = f"seed {self.seed}: {self.seconds:g} s, appendfsync {self.fsync}, producers {' '.join(self.producers)}"
        return [head] + [
            f"  {strike.at_s:6.2f} s  {strike.name:<18} place {strike.place}  for {strike.for_s:.2f} s"
            + ("  (until the queue is drained)" if strike.outlasts else "")
            for strike in self.strikes
        ]


def plan_of(seed: int, seconds: float, *, real: bool = False, root: bool = True, only: Sequence[str] = ()) -> Plan:
    """The plan of a seed. `only` is in place of the kinds that the seed would choose; some need root."""
    chance = random.Random(seed)
    lease_s = Settings().lease_s if real else float(SHORT["lease_s"])
    kinds = list(only) or chosen_kinds(chance, root=root)
    produced = PRODUCED_REAL if real else PRODUCED
    others = chance.sample(sorted(set(produced) - {"batches"}), 3)
    return Plan(
        seed=seed,
        seconds=seconds,
        real=real,
        lease_s=lease_s,
        settings={"concurrency": 40} if real else {**SHORT, "concurrency": 40},
        patience={} if real else {"resend_s": 0.8, "call_timeout_s": 0.4},
        fsync=chance.choice(["everysec", "always"]),
        producers={kind: produced[kind] for kind in ("batches", *others)},
        kinds=kinds,
        strikes=strikes_of(chance, kinds, seconds, lease_s),
    )


def chosen_kinds(chance: random.Random, *, root: bool) -> list[str]:
    """A few kinds: what goes wrong together is rarer where everything is on."""
    allowed = [name for name, fault in sorted(FAULTS.items()) if root or fault.needs not in ROOT_ONLY]
    kinds = set(chance.sample(allowed, chance.randint(LEAST_KINDS, MOST_KINDS)))
    if chance.random() < 0.9:
        kinds |= {"pause-worker", "pause-supervisor"}
    if "network" in {FAULTS[name].needs for name in kinds}:  # the places of a network have no proxies before them
        kinds -= {name for name, fault in FAULTS.items() if fault.needs == "proxies"}
    return sorted(kinds)


def strikes_of(chance: random.Random, kinds: Sequence[str], seconds: float, lease_s: float) -> list[Strike]:
    """Faults one after the other, at places that are free at that time."""
    busy_s: dict[tuple[str, int], float] = {}
    strikes: list[Strike] = []
    drawn = [*kinds, *(name for name in kinds if FAULTS[name].pauses)]  # twice as often: zombies come from pauses
    at_s = QUIET_S
    while at_s < seconds - QUIET_S / 2:
        name = chance.choice(drawn)
        fault = FAULTS[name]
        for_s = chance.uniform(*fault.leases) * lease_s
        free = [place for place in PLACES[fault.strikes] if busy_s.get((fault.strikes, place), 0.0) <= at_s]
        if free:
            place = chance.choice(free)
            outlasts = fault.pauses and place > 0 and at_s + for_s > seconds
            strikes.append(Strike(len(strikes), name, place, round(at_s, 3), round(for_s, 3), outlasts))
            busy_s[fault.strikes, place] = float("inf") if outlasts else at_s + for_s + BACK_S * (fault.strikes == "tree")
        at_s += chance.uniform(0.3, 1.7) * EVERY_LEASES * lease_s
    return strikes
