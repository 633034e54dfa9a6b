"""A few seeded fault runs against real processes, short ones; `scripts/faults` runs as many as one likes, and longer ones."""

import os
from pathlib import Path

import pytest

from . import nemesis
from .plan import LEAST_KINDS, plan_of
from .table import FAULTS

SECONDS = 6.0
SEEDS = [
    6,
    30,
    35,
]  # between them: kills, pauses, a restart, lost and halved replies, a server that forgets, a clock that jumps


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seeded_run_loses_nothing_and_writes_nothing_twice(seed: int, tmp_path: Path):
    found = nemesis.run(plan_of(seed, SECONDS, root=os.geteuid() == 0), tmp_path)
    assert found.breaches == {}
    assert found.hits > 0
    assert found.accepted == found.ended > 500


def test_a_seed_gives_the_same_plan_every_time_and_another_seed_another():
    assert plan_of(7, 9.0) == plan_of(7, 9.0)
    assert plan_of(7, 9.0) != plan_of(8, 9.0)
    assert plan_of(7, 9.0).lines() == plan_of(7, 9.0).lines()


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_mixes_a_few_kinds_and_strikes_a_place_only_while_it_is_whole(seed: int):
    plan = plan_of(seed, 9.0)
    assert LEAST_KINDS <= len(plan.kinds) < len(FAULTS)
    assert {strike.name for strike in plan.strikes} <= set(plan.kinds)
    whole_s: dict[tuple[str, int], float] = {}
    for strike in plan.strikes:
        place = (FAULTS[strike.name].strikes, strike.place)
        assert whole_s.get(place, 0.0) <= strike.at_s
        whole_s[place] = strike.at_s + strike.for_s


def test_every_kind_of_fault_is_in_the_plans_of_some_seeds():
    planned = {strike.name for seed in range(200) for strike in plan_of(seed, 9.0).strikes}
    assert planned == set(FAULTS)
