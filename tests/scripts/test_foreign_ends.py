"""A foreign consumer that ends a task of ours sets its word and nothing else: what is kept beside it goes with our claim."""

from collections.abc import Callable
from typing import Any

import pytest

from lineshaft.broker.broker import Return, Try

from .keyspace import fields, members
from .mill import FAILED, evidence
from .shard import Shard

ENDED = ["done", "failed", "cancelled", "expired"]
ALIVE = ["scheduled", "waiting"]

# Every script that gives up a claim of session `s` whose task is somebody else's by now.
GIVING_UP: dict[str, Callable[[Shard, bytes], Any]] = {
    "fail": lambda shard, token: shard.broker.fail("s", [Try("a", token, evidence(), 4000, FAILED)]),
    "release": lambda shard, token: shard.broker.release("s", [Return("a", token)]),
    "close": lambda shard, _token: shard.broker.close("s"),
    "reap": lambda shard, _token: shard.broker.reap("s"),
}


def seed(shard: Shard, word: str) -> bytes:
    """A claimed task `a` with something in every key beside it, and a neighbour `b` with the same; gives the token."""
    shard.session("s")
    token = shard.claimed("a", word=word)
    for name in ("tries", "crashes"):
        shard.raw.hset(f"lineshaft:{name}", mapping={"a": 1, "b": 1})
    shard.raw.hset("lineshaft:watched", mapping={"a": "x", "b": "x"})
    shard.raw.sadd("lineshaft:cancelling", "a", "b")
    return token


@pytest.mark.parametrize("call", GIVING_UP)
@pytest.mark.parametrize("word", ENDED)
def test_what_is_kept_beside_a_task_that_somebody_else_ended_goes_with_the_claim(shard: Shard, call: str, word: str):
    """Invariant 15: a mark that stayed would stop the task when it is run again."""
    token = seed(shard, word)

    changed = shard.observe(GIVING_UP[call], shard, token)[1]

    assert changed["lineshaft:owned:s"] is None
    assert changed["lineshaft:cancelling"] == members("b")
    assert changed["lineshaft:watched"] == fields({"b": "x"})
    assert changed["lineshaft:tries"] == changed["lineshaft:crashes"] == fields({"b": 1})


@pytest.mark.parametrize("call", GIVING_UP)
@pytest.mark.parametrize("word", ALIVE)
def test_what_is_kept_beside_a_task_that_lives_on_stays(shard: Shard, call: str, word: str):
    token = seed(shard, word)

    changed = shard.observe(GIVING_UP[call], shard, token)[1]

    assert changed["lineshaft:owned:s"] is None
    assert not {f"lineshaft:{name}" for name in ("tries", "crashes", "watched", "cancelling")} & set(changed)
