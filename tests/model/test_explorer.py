"""Every state of every scope holds the invariants and can end; and the search sees each rule that is left out."""

import pytest

from lineshaft.model.lifecycle import INVARIANTS
from lineshaft.protocol import loader

from .explorer import Found, explore, told
from .flaws import Flaw
from .invariants import NOT_HERE, ON_STATES, ON_STEPS
from .scopes import SCOPES, SHOWN_IN, flawed
from .scripts import SCRIPTS
from .steps import ACTIONS, Scope


def report(found: Found) -> str:
    return "\n".join([f"scope {found.scope.name!r}: {found.wrong}", *told(found.trace)])


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.name)
def test_every_state_of_a_scope_holds_the_invariants_and_can_end(scope: Scope):
    found = explore(scope)

    print(f"{found.states} states, {found.steps} steps, depth {found.depth}")
    assert found.wrong is None, report(found)
    assert found.states > len(found.scope.budgets)


@pytest.mark.parametrize("flaw", Flaw, ids=str)
def test_a_rule_that_is_left_out_has_a_counterexample(flaw: Flaw):
    found = explore(flawed(flaw))

    assert found.wrong is not None, f"nothing is wrong in {found.states} states of {found.scope.name!r} with {flaw!r}"
    assert found.trace
    assert len(list(told(found.trace))) == len(found.trace)


def test_every_invariant_is_checked_or_says_why_not():
    assert set(INVARIANTS) == ON_STATES | ON_STEPS | set(NOT_HERE)


def test_every_script_has_its_model_and_every_action_its_scope():
    assert set(SCRIPTS) == set(loader.NAMES) | {"trim"}
    assert set(ACTIONS) <= {name for scope in SCOPES for name in scope.budgets}


def test_every_flaw_has_a_scope():
    assert set(SHOWN_IN) == set(Flaw)
