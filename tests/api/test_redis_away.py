"""Redis is away, hangs or is full: clear refusals, soon, and no task that somebody was told was not accepted."""

import contextlib
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.running import Reply, RunningApi
from conftest import connect
from integration.proxy import Proxy
from servers import RunningServer

SOON_S = 3.0
READS = [
    ("GET", "/tasks/some/status"),
    ("GET", "/tasks/some"),
    ("GET", "/tasks/some/result?wait=60"),
    ("GET", "/tasks"),
    ("GET", "/stats"),
    ("GET", "/queues"),
    ("GET", "/workers"),
    ("GET", "/readyz"),
]
WRITES = [
    ("POST", "/tasks"),
    ("DELETE", "/tasks/some"),
    ("POST", "/tasks/some/retry"),
    ("POST", "/queues/some/pause"),
    ("POST", "/queues/some/resume"),
]
ALL = [*WRITES, *READS]

StartServer = Callable[..., RunningServer]
StartApi = Callable[..., RunningApi]


def assert_away(reply: Reply, *kinds: str) -> None:
    assert (reply.status, reply.headers["retry-after"]) == (503, "1")
    assert reply.kind in kinds
    assert reply.took_s < SOON_S
    for secret in ("redis://", "127.0.0.1", "Errno", "Connect", "Traceback", "socket", "maxmemory"):
        assert secret not in reply.body.decode()


def test_killed_it_is_said_soon_and_back_it_works_again(start_server: StartServer, start_api: StartApi) -> None:
    server = start_server()
    api = start_api(server.url)
    assert api.post({"id": "some"}).status == 201
    server.kill()
    assert_away(api.post(), "redis-away", "outcome-unknown")  # the first goes out on a connection that is dead already
    for method, path in ALL:
        assert_away(api.call(method, path), "redis-away")
    assert api.get("/healthz").status == 200
    assert api.get("/tasks/mal.formed/status").status == 404
    assert api.post({"task": "nope"}).status == 422  # what is wrong anyway need not wait
    server.restart()
    assert api.post().status == 201
    for method, path in READS[3:]:
        assert api.call(method, path).status == 200
    with connect(server.url) as raw:
        assert raw.llen("task_queue") == 1  # what was refused for sure was not accepted later
    assert api.drain() == 0
    assert "answered 503 (redis-away)" in api.stderr


def test_many_at_once_are_all_told_soon(start_server: StartServer, start_api: StartApi) -> None:
    server = start_server()
    api = start_api(server.url)
    assert api.post().status == 201
    server.kill()
    with ThreadPoolExecutor(40) as pool:
        replies = list(pool.map(lambda n: api.call(*ALL[n % len(ALL)]), range(120)))
    for reply in replies:
        assert_away(reply, "redis-away", "outcome-unknown")


def test_a_server_that_never_was_is_away_too(start_api: StartApi, start_server: StartServer) -> None:
    server = start_server()
    server.stop()
    api = start_api(server.url)
    for method, path in ALL:
        assert_away(api.call(method, path), "redis-away")


def test_a_connection_that_broke_in_between_is_not_noticed(start_server: StartServer, start_api: StartApi) -> None:
    server = start_server()
    api = start_api(server.url)
    for method, path in (("POST", "/tasks"), *READS[2:], ("GET", "/tasks/some/status")):
        api.call(method, path)
        server.restart()
        assert api.call(method, path).status in {200, 201, 404}


@pytest.fixture
def frozen(start_server: StartServer):
    server = start_server()

    @contextlib.contextmanager
    def freeze():
        os.kill(server.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(server.pid, signal.SIGCONT)

    return server, freeze


def test_a_server_that_hangs_leaves_the_outcome_unknown(frozen, start_api: StartApi) -> None:
    server, freeze = frozen
    with contextlib.ExitStack() as stack:
        proxy = Proxy(server.port)
        stack.callback(proxy.stop)
        api = start_api(proxy.url)
        assert api.post().status == 201
        on_the_wire = proxy.delay(b"EVALSHA", 0.0).happened
        with freeze(), ThreadPoolExecutor(40) as pool:
            created = [pool.submit(api.post, {"id": f"given-{n}"} if n % 2 else None) for n in range(20)]
            assert on_the_wire.wait(20)
            created += [pool.submit(api.post) for _ in range(10)]  # behind that call
            reads = [pool.submit(api.call, *READS[n % len(READS)]) for n in range(20)]
            replies = [future.result() for future in created]
            for future in reads:
                assert_away(future.result(), "redis-away")
        assert_each_is_one_task(api, replies)
    with connect(server.url) as raw:
        queued = raw.lrange("task_queue", 0, -1)
        assert len(queued) == len(set(queued)) == 31


def assert_each_is_one_task(api: RunningApi, replies: list[Reply]) -> None:
    """Doing as the problem says makes one task, whether it had been accepted or not."""
    for reply in replies:
        assert_away(reply, "outcome-unknown")
        task_id = reply.json["taskID"]
        assert task_id in reply.json["detail"]
        assert api.post({"id": task_id}).status in {200, 201}
        assert api.post({"id": task_id}).status == 200
        assert api.get(f"/tasks/{task_id}/status").json == {"status": "pending"}


def test_a_full_server_takes_no_work_and_still_answers(start_server: StartServer, start_api: StartApi) -> None:
    server = start_server()
    api = start_api(server.url)
    assert api.post({"id": "some"}).status == 201
    with connect(server.url) as raw:
        raw.config_set("maxmemory", 1)
        size = raw.dbsize()
        assert_away(api.post(), "redis-full")
        assert raw.dbsize() == size
    assert api.get("/tasks/some/status").json == {"status": "pending"}
    assert api.call("DELETE", "/tasks/some").json == {"taskID": "some", "status": "cancelled"}


@pytest.mark.strange_keys("the queue has another type, on purpose")
def test_a_key_of_another_type_is_left_alone(api: RunningApi, raw, unchanged) -> None:
    raw.set("task_queue", "something else")
    with unchanged():
        reply = api.post()
    assert (reply.status, reply.kind) == (500, "damaged-record")
    assert "WRONGTYPE" not in reply.body.decode()


def test_a_wrong_password_is_for_the_log(start_server: StartServer, start_api: StartApi) -> None:
    server = start_server()
    with connect(server.url) as raw:
        raw.config_set("requirepass", "sesame")
    api = start_api(server.url.replace("redis://", "redis://:mustard@"))
    for method, path in ALL:
        reply = api.call(method, path)
        assert (reply.status, reply.kind) == (500, "misconfigured")
        assert "mustard" not in reply.body.decode()
    api.drain()
    assert "check the Redis URL" in api.stderr
    assert "mustard" not in api.stderr
