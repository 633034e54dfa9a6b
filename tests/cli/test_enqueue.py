"""`lineshaft enqueue`: arguments from words and from JSON, options, waiting."""

import re
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from servers import RunningServer

from .conftest import SECONDS, Commands, interrupted

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def kwargs_of(raw: redis.Redis, task_id: str) -> object:
    return msgspec.json.decode(raw.get(f"task:{task_id}"))["kwargs"]


def test_the_id_is_printed_and_the_task_is_ready(lineshaft: Commands, raw: redis.Redis) -> None:
    ended = lineshaft("enqueue", "shop.count")
    assert (ended.code, ended.err) == (0, "")
    task_id = ended.out.removesuffix("\n")
    assert UUID.fullmatch(task_id)
    assert raw.lrange("task_queue", 0, -1) == [task_id]
    assert raw.get(f"task:{task_id}:status") == "pending"


def test_as_json_the_id_has_the_name_it_has_in_the_api(lineshaft: Commands, raw: redis.Redis) -> None:
    printed = lineshaft("enqueue", "shop.count", "--json").json
    assert list(printed) == ["taskID"]
    assert raw.lrange("task_queue", 0, -1) == [printed["taskID"]]


def test_a_value_is_json_where_it_parses_else_a_string(lineshaft: Commands, raw: redis.Redis) -> None:
    for text, value in {"5": 5, "hello": "hello", '{"a": [null]}': {"a": [None]}, "Grüße": "Grüße"}.items():
        id_ = lineshaft("enqueue", "shop.anything", f"value={text}").out.strip()
        assert kwargs_of(raw, id_) == {"value": value}


def test_all_arguments_may_come_as_json(lineshaft: Commands, raw: redis.Redis) -> None:
    assert lineshaft("enqueue", "shop.add", "--data", '{"args": [1], "kwargs": {"right": 2}}', "--id", "it").code == 0
    envelope = msgspec.json.decode(raw.get("task:it"))
    assert (envelope["args"], envelope["kwargs"]) == ([1], {"right": 2})
    assert lineshaft("enqueue", "shop.count", "--data", "{}").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("shop.add", "1"), "'1' is not an argument: write name=value"),
        (("shop.add", "left=1"), "missing a required argument: 'right'"),
        (("shop.add", "left=1", "right=2", "more=3"), "no argument 'more'"),
        (("shop.add", "left=one", "right=2"), "argument 'left': Expected `float`, got `str`"),
        (("shop.count", "of=5"), "for a string write 'of=\"5\"'"),
        (("shop.count", "--data", '{"args": [1'), "--data is not JSON"),
        (("shop.count", "--data", '{"args": ["many"]}'), "argument 'up_to': Expected `int`, got `str`"),
        (("shop.count", "up_to=1", "--data", "{}"), "as name=value or as --data, not both"),
        (("shop.count", "--queue", "a b"), "queue 'a b' must be"),
        (("shop.count", "--id", "a b"), "--id 'a b' must be"),
        (("shop.count", "--delay", "-1"), "'--delay'"),
        (("shop.count", "--delay", "inf"), "--delay must be"),
        (("shop.count", "--timeout", "1"), "--timeout says how long --wait may take"),
        ((), "Missing argument 'NAME'"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    lineshaft: Commands, raw: redis.Redis, words: tuple[str, ...], said: str
) -> None:
    assert said in lineshaft("enqueue", *words).refused(2)
    assert raw.keys() == []


def test_an_unknown_name_brings_the_known_ones_and_whose_they_are(lineshaft: Commands) -> None:
    said = lineshaft("enqueue", "shop.cuont").refused(2)
    assert "did you mean 'shop.count'" in said
    assert "shop.add, shop.anything, shop.count, shop.fail, shop.hold" in said
    assert said.endswith("(those of the app 'shop')")
    said = lineshaft("enqueue", "shop.count", LINESHAFT_APP="").refused(2)
    assert "demo.echo" in said
    assert said.endswith("(those of the built-in demo app: name yours with --app module:name)")


def test_the_queue_and_the_delay_are_heeded(lineshaft: Commands, raw: redis.Redis) -> None:
    lineshaft("enqueue", "shop.count", "--queue", "slow", "--id", "one")
    assert raw.lrange("task_queue:slow", 0, -1) == ["one"]
    before_ms = time.time() * 1000
    lineshaft("enqueue", "shop.count", "--queue", "slow", "--delay", "90.5", "--id", "two")
    due_ms = raw.zscore("lineshaft:due:slow", "two")
    assert before_ms + 90_500 <= due_ms <= time.time() * 1000 + 90_500
    assert raw.get("task:two:status") == "scheduled"


def test_the_same_again_is_the_same_task_and_other_content_is_refused(lineshaft: Commands, raw: redis.Redis) -> None:
    for said in ("", "this very task was there already, and is pending: no second one was made\n"):
        ended = lineshaft("enqueue", "shop.count", "--id", "it")
        assert (ended.code, ended.out, ended.err) == (0, "it\n", said)
    assert raw.lrange("task_queue", 0, -1) == ["it"]
    assert "'it' is taken" in lineshaft("enqueue", "shop.count", "up_to=4", "--id", "it").refused(1)


def test_a_full_server_is_no_wrong_address(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    full = start_server("--maxmemory", "1", "--maxmemory-policy", "noeviction")
    said = alone("enqueue", "demo.echo", REDIS_URL=full.url).refused(1)
    assert said == "Redis is at its memory limit and takes no new work; nothing was written"


@pytest.mark.usefixtures("working")
def test_waiting_prints_the_result_as_json(lineshaft: Commands) -> None:
    ended = lineshaft("enqueue", "shop.count", "up_to=2", "--wait")
    assert (ended.code, ended.out, ended.err) == (0, '{"sheep":2}\n', "")


@pytest.mark.usefixtures("working")
def test_waiting_as_json_prints_the_whole_task(lineshaft: Commands) -> None:
    printed = lineshaft("enqueue", "shop.count", "--wait", "--json", "--id", "it").json
    assert printed["taskID"] == "it"
    assert (printed["status"], printed["result"], printed["error"]) == ("done", {"sheep": 3}, None)


@pytest.mark.usefixtures("working")
def test_waiting_for_a_task_that_fails_says_why(lineshaft: Commands) -> None:
    said = lineshaft("enqueue", "shop.fail", "why=no luck", "--wait", "--id", "it").refused(1)
    assert said == "task it failed: ValueError: no luck"


@pytest.mark.parametrize(
    ("workers", "paused", "said"),
    [
        ([], False, "no worker runs; start one with `lineshaft worker module:name`"),
        ([{"queues": "other"}], False, "no worker takes from the queue 'mail' (`lineshaft worker ls` says from which they do)"),
        ([{"queues": ""}], True, "the queue 'mail' is paused (`lineshaft queue resume mail`)"),
        ([{"queues": "mail", "order": "quiet"}], False, "every worker that takes from the queue 'mail' was told to be quiet"),
    ],
)
def test_waiting_says_what_it_waits_for(
    lineshaft: Commands, live_broker: Any, workers: list[dict[str, str]], paused: bool, said: str
) -> None:
    for record in workers:
        live_broker.open("a" * 32, 60, {"host": "mill", "pid": 1, **record})
    if paused:
        live_broker.pause("mail")
    process = lineshaft.started("enqueue", "shop.count", "-q", "mail", "--id", "it", "--wait")
    assert process.stderr.readline().decode().startswith(f"The task waits: {said}")
    ended = interrupted(process)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err == "task it was accepted: `lineshaft task wait it` waits for it again\n"


def test_a_server_that_goes_for_good_while_it_waits_does_not_hide_that_the_task_was_accepted(alone: Commands) -> None:
    serve = alone.started("serve", "--port", "0", "-q", "other")
    try:
        while not serve.stdout.readline().startswith(b"Ctrl-C"):
            assert serve.poll() is None
        process = alone.started("enqueue", "demo.echo", "--id", "it", "--wait")
        assert b"The task waits: no worker takes from the queue 'default'" in process.stderr.readline()
        interrupted(serve)
        err = process.communicate(timeout=SECONDS)[1].decode()
        assert process.returncode == 1
        assert "error: task it was accepted, but its end cannot be waited for: no Redis URL is set" in err
    finally:
        serve.kill()
        serve.communicate()


def test_waiting_has_an_end(lineshaft: Commands) -> None:
    said = lineshaft("enqueue", "shop.count", "--wait", "--timeout", "0.2", "--id", "it").refused(1)
    assert said == "task it had not ended after 0.2 s; it is kept"
