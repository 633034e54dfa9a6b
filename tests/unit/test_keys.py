"""The spelling of keys: the same in Python and in the scripts, and one key for one thing."""

import re
from importlib import resources

import pytest
import redis

from lineshaft.errors import ConfigurationError
from lineshaft.protocol import keys as keys_module
from lineshaft.protocol.keys import Keys, is_namespace, is_queue_name, is_task_id

LONGEST = "x" * 64
NAMESPACES = ["", "shop", "{s0}", "a.b-c_D", "{", LONGEST]
QUEUES = ["default", "mail", "defaults", "a.b-c_D", "0", LONGEST]


@pytest.mark.parametrize("text", ["a", "0", "_", "-", "A-z_9", LONGEST, "0190f4c2-7d3a-7abc-8def-0123456789ab"])
def test_what_an_id_may_be(text: str):
    assert is_task_id(text)
    assert is_queue_name(text)


@pytest.mark.parametrize(
    "text", ["", "x" * 65, "a b", "a:b", "a\n", "\na", "é", "a/b", "a*", "{a}", "a\x00", "\uff41", "\u0661", "a.b"]
)
def test_what_an_id_may_not_be(text: str):
    assert not is_task_id(text)
    assert is_queue_name(text) is (text == "a.b"), "a queue's name may have dots"


@pytest.mark.parametrize("text", NAMESPACES)
def test_what_a_namespace_may_be(text: str):
    assert is_namespace(text)
    assert Keys(text).prefix == (f"{text}:" if text else "")


@pytest.mark.parametrize("text", ["a:", ":", "a b", "x" * 65, "a*", "a\n", "é", "[a]", "a?"])
def test_what_a_namespace_may_not_be(text: str):
    assert not is_namespace(text)
    with pytest.raises(ConfigurationError, match="namespace"):
        Keys(text)


def test_the_contract_keys_are_bare_without_a_namespace():
    keys = Keys()
    assert keys.ready("default") == "task_queue"
    assert keys.ready("mail") == "task_queue:mail"
    assert keys.status("a") == "task:a:status"


def all_of(keys: Keys) -> list[str]:
    """Every key that Keys can spell, of two tasks, two queues, two sessions."""
    found = [
        *(keys.sessions, keys.suspects, keys.clock, keys.tries, keys.crashes, keys.cancelling, keys.watched),
        *(keys.strays, keys.set_aside, keys.queues, keys.paused),
    ]
    for name in ("a", "b"):
        found += [keys.envelope(name), keys.status(name), keys.result(name), keys.attempts(name), keys.digest(name)]
        found += [keys.session(name), keys.owned(name), keys.due(name), keys.wake(name), keys.ready(name)]
    found += [keys.ready("default"), keys.due("default"), keys.wake("default")]
    found += [keys.ended(word) for word in keys_module.ENDED_STATES]
    return [*found, keys.stats(1), keys.stats(12)]


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_key_has_the_prefix_and_no_two_are_the_same(namespace: str):
    keys = Keys(namespace)
    found = all_of(keys)

    assert len(set(found)) == len(found)
    assert all(name.startswith(keys.prefix) for name in found)
    assert keys.cancel_channel.startswith(keys.prefix)
    assert keys.watch_channel("x").startswith(keys.prefix)


def test_every_key_is_a_row_of_the_schema_and_every_row_has_a_key():
    rows = [
        re.findall(r"`(.+?)`", row.split("|")[1]) for row in (keys_module.__doc__ or "").splitlines() if row.startswith("| `")
    ]
    patterns = {name: re.compile(re.sub(r"<\w+>", "[^:]+", name)) for names in rows for name in names}
    found = {name: [row for row, pattern in patterns.items() if pattern.fullmatch(name)] for name in all_of(Keys())}

    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(found, 1)
    assert {row for rows in found.values() for row in rows} == set(patterns)


@pytest.mark.strange_keys("plain keys of each type")
class TestScripts:
    """`scripts/shared/keys.lua` builds the same names."""

    def evaluate(self, raw: redis.Redis, namespace: str, expression: str, *arguments: str) -> list[str]:
        source = (resources.files("lineshaft.protocol") / "scripts" / "shared" / "keys.lua").read_text("utf-8")
        return raw.eval(f"{source}\nreturn {expression}", 1, Keys(namespace).task_queue, *arguments)

    @pytest.mark.parametrize("namespace", NAMESPACES)
    def test_they_spell_the_prefixes_as_python_does(self, raw: redis.Redis, namespace: str):
        keys = Keys(namespace)
        prefix, own, task = self.evaluate(raw, namespace, "{ prefix, own, task }")

        assert (prefix, task) == (keys.prefix, keys.envelope(""))
        assert own == keys.sessions.removesuffix("sessions")

    @pytest.mark.parametrize("namespace", NAMESPACES)
    @pytest.mark.parametrize("queue", QUEUES)
    def test_they_spell_ready_lists_as_python_does(self, raw: redis.Redis, namespace: str, queue: str):
        assert self.evaluate(raw, namespace, "{ ready_key(ARGV[1]) }", queue) == [Keys(namespace).ready(queue)]

    def test_a_key_fits_only_its_own_type(self, raw: redis.Redis):
        raw.set("a", "1")
        raw.rpush("b", "1")
        found = self.evaluate(
            raw, "", "{ tostring(fits('a', 'string')), tostring(fits('a', 'list')), tostring(fits('x', 'list')) }"
        )

        assert found == ["true", "false", "true"]

    def test_an_attempt_that_fails_reads_as_nothing(self, raw: redis.Redis):
        raw.set("a", "1")

        assert self.evaluate(raw, "", "attempt('LRANGE', 'a', 0, -1)") == []
        assert self.evaluate(raw, "", "{ attempt('GET', 'a') }") == ["1"]

    def test_what_passes_the_memory_limit_changes_nothing(self, raw: redis.Redis):
        raw.hset("lineshaft:suspects", "s", "1")

        self.evaluate(raw, "", "pass_memory_limit()")

        assert raw.hgetall("lineshaft:suspects") == {"s": "1"}
