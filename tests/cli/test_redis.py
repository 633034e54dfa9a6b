"""`lineshaft redis`: what goes through, and how the replies look."""

import os
from collections.abc import Callable

import pytest
import redis

from servers import RunningServer

from .conftest import SECONDS, Commands, interrupted

pytestmark = pytest.mark.strange_keys("any command goes through, so any key may be set")

REPLIES = [
    (("GET", "string"), "a b"),
    (("GET", "absent"), ""),
    (("STRLEN", "string"), "3"),
    (("LRANGE", "list", "0", "-1"), "one\ntwo\nthree"),
    (("LRANGE", "absent", "0", "-1"), ""),
    (("HGETALL", "hash"), "field\nvalue\nother\n5"),
    (("ZRANGE", "zset", "0", "-1", "WITHSCORES"), "low\n1.5\nhigh\n20"),
    (("MGET", "string", "absent", "string"), "a b\n\na b"),
    (("EVAL", "return {1, {2, 'x', {}}, false, redis.status_reply('FINE')}", "0"), "1\n2\nx\n\n\nFINE"),
    (("EVAL", "return ARGV", "0", "--help", "--json", "--", "-1", "", "Grüße"), "--help\n--json\n--\n-1\n\nGrüße"),
    (("ECHO", "--help"), "--help"),
    (("ECHO", "two\nlines"), "two\nlines"),
]


@pytest.fixture
def filled(raw: redis.Redis) -> None:
    raw.set("string", "a b")
    raw.rpush("list", "one", "two", "three")
    raw.hset("hash", mapping={"field": "value", "other": 5})
    raw.sadd("set", "member")
    raw.zadd("zset", {"low": 1.5, "high": 20})


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(("words", "reply"), REPLIES, ids=[" ".join(words) for words, _ in REPLIES])
def test_a_reply_is_printed_as_redis_cli_does_on_a_pipe(lineshaft: Commands, words: tuple[str, ...], reply: str) -> None:
    ended = lineshaft("redis", *words)
    assert (ended.code, ended.out, ended.err) == (0, reply + "\n", "")


def test_the_task_queue_is_seen_as_ever(lineshaft: Commands) -> None:
    for id_ in ("first", "second"):
        lineshaft("enqueue", "shop.count", "--id", id_)
    assert lineshaft("redis", "LRANGE", "task_queue", "0", "-1").out == "second\nfirst\n"
    assert lineshaft("redis", "GET", "task:first:status").out == "pending\n"


def test_bytes_go_through_as_they_are(lineshaft: Commands, raw: redis.Redis) -> None:
    odd = b"\xff\xfe \x1b[31m"
    assert lineshaft("redis", "SET", b"odd", odd).out == "OK\n"
    assert os.fsencode(lineshaft("redis", "GET", "odd").out) == odd + b"\n"


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("NOSUCH", "x"), "unknown command"),
        (("--scan",), "unknown command"),
        (("GET",), "ERR wrong number of arguments for 'get' command"),
        (("INCR", "string"), "ERR value is not an integer or out of range"),
        (("LRANGE", "string", "0", "-1"), "WRONGTYPE Operation against a key holding the wrong kind of value"),
        (("EVALSHA", "0" * 40, "0"), "NOSCRIPT No matching script."),
        (("EVAL", "return redis.error_reply('MINE it is')", "0"), "MINE it is"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_error_is_the_servers_own_on_stderr(lineshaft: Commands, words: tuple[str, ...], said: str) -> None:
    assert said in lineshaft("redis", *words).refused(1)


def test_a_command_that_blocks_may_take_longer_than_other_calls(lineshaft: Commands) -> None:
    ended = lineshaft("redis", "BLPOP", "absent", "0.5", LINESHAFT_CALL_TIMEOUT_S="0.2")
    assert (ended.code, ended.out) == (0, "\n")


def test_what_the_server_goes_on_sending_is_printed(lineshaft: Commands, raw: redis.Redis) -> None:
    process = lineshaft.started("redis", "SUBSCRIBE", "news")
    assert [process.stdout.readline() for _ in range(3)] == [b"subscribe\n", b"news\n", b"1\n"]
    raw.publish("news", "hello")
    assert [process.stdout.readline() for _ in range(3)] == [b"message\n", b"news\n", b"hello\n"]
    assert interrupted(process).code == 130


def test_a_monitor_prints_a_line_for_each_command(lineshaft: Commands, raw: redis.Redis) -> None:
    process = lineshaft.started("redis", "MONITOR")
    assert process.stdout.readline() == b"OK\n"
    raw.set("seen", "a b")
    line = next(line for line in process.stdout if b"seen" in line)
    assert line.endswith(b'"SET" "seen" "a b"\n')
    assert interrupted(process).code == 130


def test_a_server_that_goes_ends_it(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    alone.env["REDIS_URL"] = server.url
    process = alone.started("redis", "SUBSCRIBE", "news")
    assert process.stdout.readline() == b"subscribe\n"
    server.kill()
    _, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 1
    assert err.startswith(b"error: Redis cannot be reached")
