"""The figures as text: a table of medians and spreads, then the ratios beside their goals."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.contender import Figures

SUBJECT = "lineshaft"
YARDSTICK = "yardstick"

Results = Mapping[str, Sequence[Figures]]


@dataclass(frozen=True)
class Goal:
    """What run/s of Lineshaft over run/s of another should be at least."""

    against: str
    ratio: float
    percent: bool = False

    def show(self, ratio: float) -> str:
        """Write a ratio in this goal's unit."""
        return f"{ratio:.0%}" if self.percent else f"{ratio:.1f}".removesuffix(".0") + " x"


GOALS = (Goal("huey", 8), Goal("arq", 15), Goal("ceiling", 0.5, percent=True))


def text(server_version: str, results: Results) -> str:
    """Put the whole report together; what was not measured has no line."""
    rounds = len(next(iter(results.values())))
    head = (
        f"Redis {server_version}, Python {platform.python_version()}, {os.cpu_count()} CPUs, "
        f"rounds: {rounds}; each figure is the median (lowest - highest)"
    )
    lines = [head, "", *_table(results), "", *_ratios(results), *_yardstick(results)]
    return "\n".join(lines).rstrip()


def _table(results: Results) -> list[str]:
    rows = [("contender", "enqueue/s", "run/s")]
    for name, figures in results.items():
        if name != YARDSTICK:
            enqueue = [one.enqueue_per_s for one in figures]
            run = [one.run_per_s for one in figures]
            rows.append((name, _rates(enqueue), _rates(run)))
    return [f"{name:<12}{enqueue:>32}{run:>32}" for name, enqueue, run in rows]


def _ratios(results: Results) -> list[str]:
    goals = [goal for goal in GOALS if SUBJECT in results and goal.against in results]
    return [_ratio_line(goal, results[SUBJECT], results[goal.against]) for goal in goals]


def _ratio_line(goal: Goal, ours: Sequence[Figures], theirs: Sequence[Figures]) -> str:
    """Compare round by round: two turns of one round met the same machine, two medians maybe not."""
    run = _quotients([one.run_per_s for one in ours], [one.run_per_s for one in theirs])
    enqueue = _quotients([one.enqueue_per_s for one in ours], [one.enqueue_per_s for one in theirs])
    line = f"{SUBJECT} / {goal.against:<9}"
    if run:
        verdict = "reached" if median(run) >= goal.ratio else "missed"
        line += f" run {_spread(run, goal)}, goal {goal.show(goal.ratio)}: {verdict}"
    if enqueue:
        line += f"; enqueue {_spread(enqueue, goal)}"
    return line


def _quotients(ours: Sequence[float | None], theirs: Sequence[float | None]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True) if one is not None and other]


def _spread(ratios: Sequence[float], goal: Goal) -> str:
    return f"{goal.show(median(ratios))} ({goal.show(min(ratios))} - {goal.show(max(ratios))})"


def _yardstick(results: Results) -> list[str]:
    if YARDSTICK not in results:
        return []
    return [f"yardstick: redis-benchmark -P 100 SET {_rates([one.set_per_s for one in results[YARDSTICK]])} a second"]


def _rates(rates: Sequence[float | None]) -> str:
    known = [rate for rate in rates if rate is not None]
    if not known:
        return "-"
    return f"{median(known):,.0f} ({min(known):,.0f} - {max(known):,.0f})"
