"""Every script that may end tasks in a state trims that state's history, also when it ends none."""

from collections.abc import Callable
from typing import Any

import pytest

from .shard import NOW_MS, Shard

# A call that ends nothing, and the states whose history it trims.
TRIMMING: dict[str, tuple[Callable[[Shard], Any], tuple[str, ...]]] = {
    "finish": (lambda shard: shard.broker.finish("s", []), ("done",)),
    "fail": (lambda shard: shard.broker.fail("s", []), ("failed", "cancelled")),
    "release": (lambda shard: shard.broker.release("s", []), ("cancelled",)),
    "close": (lambda shard: shard.broker.close("s"), ("cancelled",)),
    "reap": (lambda shard: shard.broker.reap(), ("failed", "cancelled")),
    "promote": (lambda shard: shard.broker.promote([]), ("cancelled",)),
}


@pytest.mark.parametrize("call", TRIMMING)
def test_the_oldest_of_its_states_go_and_those_of_others_stay(make_shard: Callable[..., Shard], call: str):
    """Invariant 13."""
    shard = make_shard(done_kept=1, ended_kept=1)
    act, states = TRIMMING[call]
    shard.session("s")
    for word in ("done", "failed", "cancelled"):
        shard.ended(f"{word}-old", f"{word}-new", word=word, ended_ms=NOW_MS - 30_000)

    act(shard)

    left = {word: shard.raw.lrange(f"lineshaft:ended:{word}", 0, -1) for word in ("done", "failed", "cancelled")}
    both = {word: [f"{word}-new", f"{word}-old"] for word in left}
    assert left == both | {word: [f"{word}-new"] for word in states}
    assert [word for word in left if not shard.raw.exists(f"task:{word}-old")] == [word for word in left if word in states]
