"""Each answer of a script is a moment, named like the script, that somebody may listen to."""

import pytest

from .mill import CALLS, fill
from .shard import Shard


@pytest.mark.parametrize("call", CALLS)
def test_a_script_that_answered_is_a_moment_of_its_name(shard: Shard, call: str):
    fill(shard, call)
    heard: set[str] = set()
    shard.broker.signals.listen(lambda moment, _: heard.add(moment))
    CALLS[call](shard)

    assert heard == {call.partition(" ")[0]}
