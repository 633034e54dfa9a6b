"""The model cannot drift from the Lua: random traces through it go the same way on the real scripts."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from docs.headers import header_of

from lineshaft.protocol import loader

from .explorer import Trace
from .flaws import Flaw
from .real import LEASE_S, Real
from .replay import MismatchError, exact, heard_in, replay, shortest, walk
from .scopes import SCOPES, deeper, flawed
from .steps import Scope

SEED = 20_261_125
TRACES = 40  # of each scope
NEVER_HEARD = {"damaged", "more", "overdue"}  # keys have their types, slices are of 500, notes are left out


def traces(scope: Scope) -> Iterator[Trace]:
    """Random walks through a scope, with more of everything, and the shortest ways to what its scripts answer."""
    chance = random.Random(f"{SEED} {scope.name}")
    yield from (walk(exact(deeper(scope)), chance) for _ in range(TRACES))
    yield from shortest(exact(scope))


def broker_of(broker: Callable[..., Any], scope: Scope) -> Any:
    rules = scope.rules
    return broker(max_crashes=rules.max_crashes, done_kept=rules.kept, ended_kept=rules.kept, look_gap_s=LEASE_S)


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_random_traces_go_on_the_real_scripts_as_in_the_model(raw: redis.Redis, broker: Callable[..., Any], scope: Scope):
    print(f"seed {SEED}")
    made, calls = broker_of(broker, scope), 0
    for number, trace in enumerate(traces(scope)):
        stands = number % 2 == 0 and "failover" not in scope.budgets
        replay(Real(raw, made, stands=stands), exact(scope), trace)
        calls += sum(step.call is not None for step, _ in trace)

    assert calls > TRACES


def test_a_thousand_traces_hear_every_word_that_a_script_can_answer():
    heard: set[tuple[str, str]] = set()
    for scope in SCOPES:
        for trace in traces(scope):
            for step, _ in trace:
                if step.call is not None and step.mode != "late":
                    heard.update(heard_in(step))

    assert TRACES * len(SCOPES) >= 1000
    for name in loader.NAMES:
        answers = set(re.findall(r'"([a-z]+)"', header_of(name).fields["RETURNS"]))
        assert {answer for answer in answers - NEVER_HEARD if (name, answer) not in heard} == set(), name


@pytest.mark.parametrize("flaw", [Flaw.NO_WORD, Flaw.RETRY_LEAVES_ENTRY, Flaw.RELEASE_COUNTS], ids=str)
def test_a_model_that_differs_from_the_scripts_is_seen(raw: redis.Redis, broker: Callable[..., Any], flaw: Flaw):
    scope = flawed(flaw)
    made = broker_of(broker, scope)

    with pytest.raises(MismatchError, match="the model says"):
        for trace in traces(scope):
            replay(Real(raw, made, stands=False), exact(scope), trace)
