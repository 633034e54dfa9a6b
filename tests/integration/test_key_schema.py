"""What the tests hold keys against is the table in `protocol/keys.py`, and tells our keys from others."""

import pytest
import redis

from key_schema import row_in_any_shard, row_of, schema, strangers


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ("task_queue", "task_queue"),
        ("shop:task_queue", "task_queue"),
        ("{s0}:task_queue:mail", "task_queue:<queue>"),
        ("task:a-b_c:status", "task:<id>:status"),
        ("lineshaft:ended:failed", "lineshaft:ended:<state>"),
        ("lineshaft:ended:pending", None),
        ("lineshaft:no-such", None),
        ("shop:shop:task_queue", None),
        ("task_queue:not a queue", None),
        ("counter", None),
    ],
)
def test_a_key_of_any_shard_finds_its_row(key: str, row: str | None):
    assert row_in_any_shard(key) == row


def test_a_key_of_another_shard_has_no_row_in_this_one():
    assert row_of("shop:task:a", "shop:") == "task:<id>"
    assert row_of("task:a", "shop:") is None


@pytest.mark.strange_keys("to see that they are found")
def test_what_is_left_behind_and_not_in_the_table_is_found(raw: redis.Redis):
    raw.set("task:a:status", "done")
    raw.set("shop:lineshaft:clock", 1)
    assert strangers(raw) == []

    raw.set("counter", 1)
    raw.set("lineshaft:sessions", "wrong")
    assert sorted(strangers(raw)) == [
        "counter (string) is in no row of the table of keys",
        f"lineshaft:sessions is a string, not a {schema()['lineshaft:sessions'].kind}",
    ]
    assert strangers(raw, damaged=True) == ["counter (string) is in no row of the table of keys"]
