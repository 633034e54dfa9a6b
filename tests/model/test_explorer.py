"""Every state of every scope holds the invariants and can end; and the search sees each rule that is left out."""

import pytest

from lineshaft.model.lifecycle import INVARIANTS
from lineshaft.protocol import loader

from .explorer import Found, explore, told
from .flaws import Flaw
from .invariants import NOT_HERE, ON_STATES, ON_STEPS, PROMISES
from .scopes import SCOPES, SHOWN_IN, flawed
from .scripts import SCRIPTS
from .steps import ACTIONS, Scope

BREAKS = {
    Flaw.NO_TOKEN: "invariant 3",
    Flaw.NO_WORD: "invariant 5",
    Flaw.FIRST_LOOK: "invariant 7",
    Flaw.RENEW_REVIVES: "invariant 6",
    Flaw.RELEASE_COUNTS: "invariant 8",
    Flaw.FAIL_IGNORES_MARK: "invariant 9",
    Flaw.NOT_RECONCILED: "liveness",
    Flaw.RUNS_READ: "invariant B",
    Flaw.BESIDE_CLAIM: "invariant C",
    Flaw.BY_ID_ALONE: "invariant D",
    Flaw.SAME_NUMBER: "invariant 4",
    Flaw.PROMOTE_NO_WORD: "invariant A",
    Flaw.NO_LEASE: "invariant 14",
    Flaw.LEFT_IN_SESSIONS: "invariant C",
    Flaw.LATE_OPEN: "invariant 6",
    Flaw.DONE_TO_PENDING: "invariant A",
    Flaw.TRIM_LIVE: "invariant 13",
    Flaw.RETRY_LEAVES_ENTRY: "invariant 1",
    Flaw.MARK_OUTLIVES: "invariant 15",
    Flaw.OLD_LOOK: "invariant 7",
    Flaw.KEEPS_CLAIM: "invariant 2",
    Flaw.NO_REPEAT: "invariant 10",
    Flaw.ENQUEUE_BLIND: "invariant 11",
}


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
    assert found.wrong.partition(":")[0] == BREAKS[flaw], report(found)


def test_every_check_was_seen_to_find_something():
    seen = {broken.removeprefix("invariant ") for broken in BREAKS.values()}

    assert seen == {"liveness", *(str(check) for check in ON_STATES | ON_STEPS | set(PROMISES))}


def test_every_invariant_is_checked_or_says_why_not():
    assert set(INVARIANTS) == ON_STATES | ON_STEPS | set(NOT_HERE)


def test_every_script_has_its_model_and_every_action_its_scope():
    assert set(SCRIPTS) == set(loader.NAMES) | {"trim"}
    assert set(ACTIONS) <= {name for scope in SCOPES for name in scope.budgets}


def test_every_flaw_has_a_scope():
    assert set(SHOWN_IN) == set(Flaw)
