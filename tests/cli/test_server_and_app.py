"""Which server and which app a command uses, and what it says when there is none."""

from collections.abc import Callable

import pytest
import redis

from servers import RunningServer, free_port

from .conftest import Commands

READS = (("queue", "ls"), ("worker", "ls"), ("task", "show", "x"), ("task", "wait", "x"), ("task", "cancel", "x"))
ALL = (*READS, ("enqueue", "demo.echo"), ("redis", "PING"))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_without_a_server_a_command_says_how_to_get_one(alone: Commands, words: tuple[str, ...]) -> None:
    said = alone(*words).refused(2)
    assert "start one with `lineshaft serve`, or set REDIS_URL" in said


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_a_server_that_is_away_is_named_and_the_way_out(alone: Commands, words: tuple[str, ...]) -> None:
    port = free_port()
    said = alone(*words, REDIS_URL=f"redis://127.0.0.1:{port}", LINESHAFT_RESEND_S="0.2").refused(1)
    assert str(port) in said
    assert said.endswith("; check that it runs, and the URL in --redis-url or REDIS_URL")


@pytest.mark.parametrize("words", [("queue", "ls"), ("enqueue", "demo.echo"), ("redis", "PING")], ids=" ".join)
def test_a_url_that_is_none_is_refused(alone: Commands, words: tuple[str, ...]) -> None:
    said = alone("--redis-url", "localhost:6379", *words).refused(2)
    assert "the Redis URL cannot be used" in said
    assert "redis://host:6379/0" in said


def test_the_url_may_stand_before_or_after_the_command_and_beats_the_environment(
    alone: Commands, server: RunningServer
) -> None:
    wrong, right = f"redis://127.0.0.1:{free_port()}", server.url
    assert alone("queue", "ls", "--redis-url", right, REDIS_URL=wrong).code == 0
    assert alone("--redis-url", right, "queue", "ls", REDIS_URL=wrong).code == 0
    assert alone("--redis-url", wrong, "queue", "ls", "--redis-url", right).code == 0
    assert alone("--redis-url", right, "redis", "PING", REDIS_URL=wrong).out == "PONG\n"
    assert alone("queue", "ls", LINESHAFT_REDIS_URL=right).code == 0


def test_a_wrong_password_is_a_wrong_setting(alone: Commands, start_server: Callable[..., RunningServer]) -> None:
    guarded = start_server()
    with redis.Redis.from_url(guarded.url) as client:
        client.config_set("requirepass", "secret")
    said = alone("queue", "ls", REDIS_URL=guarded.url).refused(2)
    assert "check the Redis URL" in said
    assert alone("queue", "ls", REDIS_URL=guarded.url.replace("//", "//:secret@")).code == 0


def test_the_app_may_stand_before_or_after_the_command_and_beats_the_environment(lineshaft: Commands) -> None:
    for words in (("--app", "shop:app", "enqueue", "shop.count"), ("enqueue", "shop.count", "--app", "shop:app")):
        assert lineshaft(*words, LINESHAFT_APP="no:app").code == 0
    assert lineshaft("enqueue", "shop.count").code == 0
    assert lineshaft("enqueue", "demo.echo", LINESHAFT_APP="").code == 0


def test_an_app_of_the_current_folder_is_found(lineshaft: Commands) -> None:
    (lineshaft.folder / "mine.py").write_text("from lineshaft import App\napp = App('mine')\n")
    assert lineshaft("enqueue", "lineshaft.ping", "--app", "mine:app").code == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("shop", "an app is given as module:name, such as shop:app; this was 'shop'"),
        ("nowhere:app", "there is no module 'nowhere' here"),
        ("shop:shop", "'shop' has no App named 'shop'; it has the app 'app'"),
        ("broken:app", "importing 'broken' failed: ZeroDivisionError: division by zero"),
    ],
)
def test_a_wrong_app_is_refused(lineshaft: Commands, path: str, said: str) -> None:
    (lineshaft.folder / "broken.py").write_text("1 / 0\n")
    assert said in lineshaft("--app", path, "queue", "ls").refused(2)
    assert said in lineshaft("enqueue", "shop.count", LINESHAFT_APP=path).refused(2)
    assert said in lineshaft("worker", "--app", path, "--burst").refused(2)


def test_a_wrong_setting_is_refused_by_its_name(lineshaft: Commands) -> None:
    assert "LEASE" in lineshaft("queue", "ls", LINESHAFT_LEASE_S="soon").refused(2).upper()


def test_a_namespace_is_kept_apart(lineshaft: Commands) -> None:
    lineshaft("enqueue", "shop.count", "--id", "here", LINESHAFT_NAMESPACE="shop")
    assert lineshaft("redis", "LRANGE", "shop:task_queue", "0", "-1").out == "here\n"
    assert "no task 'here'" in lineshaft("task", "show", "here").refused(1)
    assert lineshaft("task", "show", "here", LINESHAFT_NAMESPACE="shop").code == 0
