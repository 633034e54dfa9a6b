"""The model cannot drift from the Lua: random traces through it go the same way on the real scripts."""

import random
from collections.abc import Callable
from typing import Any

import pytest
import redis

from .flaws import Flaw
from .real import LEASE_S, Real
from .replay import MismatchError, exact, replay, walk
from .scopes import SCOPES, flawed
from .steps import Scope

SEED = 20_261_125
TRACES = 40  # of each scope


def broker_of(broker: Callable[..., Any], scope: Scope) -> Any:
    rules = scope.rules
    return broker(max_crashes=rules.max_crashes, done_kept=rules.kept, ended_kept=rules.kept, look_gap_s=LEASE_S)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_random_traces_go_on_the_real_scripts_as_in_the_model(raw: redis.Redis, broker: Callable[..., Any], scope: Scope):
    chance, scope = random.Random(f"{SEED} {scope.name}"), exact(scope)
    print(f"seed {SEED}")
    made = broker_of(broker, scope)
    calls = 0
    for number in range(TRACES):
        trace = walk(scope, chance)
        stands = number % 2 == 0 and "failover" not in scope.budgets
        replay(Real(raw, made, stands=stands), scope, trace)
        calls += sum(step.call is not None for step, _ in trace)

    assert calls > TRACES


def test_there_are_a_thousand_traces():
    assert TRACES * len(SCOPES) >= 1000


@pytest.mark.parametrize("flaw", [Flaw.NO_WORD, Flaw.RETRY_LEAVES_ENTRY, Flaw.RELEASE_COUNTS], ids=str)
def test_a_model_that_differs_from_the_scripts_is_seen(raw: redis.Redis, broker: Callable[..., Any], flaw: Flaw):
    chance, scope = random.Random(f"{SEED} {flaw}"), exact(flawed(flaw))
    made = broker_of(broker, scope)

    with pytest.raises(MismatchError, match="the model says"):
        for _ in range(TRACES):
            replay(Real(raw, made, stands=False), scope, walk(scope, chance))
