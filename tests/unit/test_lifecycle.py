"""The table of states and transitions agrees with itself and with the scripts."""

import re
from importlib import resources

import pytest

from lineshaft.model import lifecycle
from lineshaft.model.lifecycle import ENDED, INVARIANTS, MEANING, OTHER_SCRIPTS, TRANSITIONS, Status
from lineshaft.protocol import keys, loader

SHARED = resources.files("lineshaft.protocol") / "scripts" / "shared"


def test_the_words_are_those_of_the_contract():
    assert [status.value for status in Status] == [
        *("scheduled", "waiting", "pending", "in-progress", "done", "failed", "cancelled", "expired"),
    ]
    assert set(MEANING) == set(Status)
    assert all(MEANING.values())


def test_the_ended_words_are_the_same_everywhere():
    assert {str(word) for word in ENDED} == set(keys.ENDED_STATES)
    for source in ((SHARED / "history.lua").read_text("utf-8"), loader.load("watch").source.decode()):
        table = re.search(r"local ENDED = \{(.*?)\}", source)
        assert set(re.findall(r"([\w-]+) = true", table[1])) == set(keys.ENDED_STATES)


@pytest.mark.parametrize("transition", TRANSITIONS, ids=lambda t: f"{t.source} to {t.target} by {t.script}")
def test_each_transition_is_made_by_a_script_that_knows_its_word(transition: lifecycle.Transition):
    assert transition.script in loader.NAMES
    assert transition.when
    if transition.target is not Status.IN_PROGRESS or transition.script == "claim":
        assert f"'{transition.target}'" in loader.load(transition.script).source.decode()


def test_each_script_makes_a_transition_or_says_what_it_does_instead():
    moving = {transition.script for transition in TRANSITIONS}

    assert moving | set(OTHER_SCRIPTS) == set(loader.NAMES)
    assert not moving & set(OTHER_SCRIPTS)
    assert all(OTHER_SCRIPTS.values())


def test_no_transition_stands_twice():
    found = [(transition.source, transition.target, transition.script) for transition in TRANSITIONS]

    assert len(set(found)) == len(found)


def test_what_has_ended_only_lives_again_by_hand():
    assert {transition.script for transition in TRANSITIONS if transition.source in ENDED} == {"retry"}
    assert {transition.source for transition in TRANSITIONS if transition.script == "retry"} == ENDED


def test_every_task_that_lives_can_end():
    """By some chain of transitions, from each word that is no end."""
    reached = set(ENDED)
    for _ in Status:
        reached |= {transition.source for transition in TRANSITIONS if transition.target in reached}

    assert reached >= set(Status)


def test_only_a_claim_starts_a_task_and_only_a_session_or_a_reaper_ends_its_run():
    starts = {transition.script for transition in TRANSITIONS if transition.target is Status.IN_PROGRESS}
    ends = {transition.script for transition in TRANSITIONS if transition.source is Status.IN_PROGRESS}

    assert starts == {"claim"}
    assert ends == {"finish", "fail", "release", "close", "reap"}


def test_invariants_are_numbered_without_a_gap():
    assert list(INVARIANTS) == list(range(1, len(INVARIANTS) + 1))
    assert all(text.endswith((".", ")")) for text in INVARIANTS.values())
