"""`GET /tasks/{id}/result`: the end of a task, as soon as it is there."""

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import redis

from api.conftest import LocalApi
from api.running import Reply, RunningApi
from integration.waiting import until
from scripts.keyspace import snapshot

Work = Callable[..., None]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def watched(raw: redis.Redis, task_id: str) -> bool:
    return bool(raw.hexists("lineshaft:watched", task_id))


def ask(pool: ThreadPoolExecutor, api: RunningApi, raw: redis.Redis, task_id: str) -> Future[Reply]:
    """Ask with a wait, and come back when the wait has begun."""
    asked = pool.submit(api.get, f"/tasks/{task_id}/result?wait=60")
    until(lambda: watched(raw, task_id))
    return asked


def test_the_end_is_answered_when_it_comes(api: RunningApi, raw: redis.Redis, pool: ThreadPoolExecutor, work: Work) -> None:
    task_id = api.post({"task": "resize", "args": ["a.png"]}).json["taskID"]
    asked = [ask(pool, api, raw, task_id) for _ in range(3)]
    work(task_id)
    for future in asked:
        reply = future.result()
        assert reply.status == 200
        assert reply.took_s < 30
        assert reply.json == api.get(f"/tasks/{task_id}").json
        assert reply.json["result"].startswith("a.png at 640")


@pytest.mark.parametrize("query", ["", "?wait=0", "?wait=60", "?wait=0.5"])
def test_what_has_ended_is_answered_at_once(api: RunningApi, work: Work, query: str) -> None:
    task_id = api.post({"task": "broken", "args": ["x"]}).json["taskID"]
    work(task_id)
    reply = api.get(f"/tasks/{task_id}/result{query}")
    assert (reply.status, reply.json["status"], reply.json["error"]["type"]) == (200, "failed", "ValueError")


@pytest.mark.parametrize("query", ["", "?wait=0", "?wait=0.05"])
def test_what_has_not_ended_is_answered_with_its_status(api: RunningApi, raw: redis.Redis, query: str) -> None:
    task_id = api.post().json["taskID"]
    for word in ("pending", "in-progress"):
        raw.set(f"task:{task_id}:status", word)
        reply = api.get(f"/tasks/{task_id}/result{query}")
        assert (reply.status, reply.json) == (202, {"taskID": task_id, "status": word})


def test_without_a_wait_nothing_is_written(api: RunningApi, raw: redis.Redis) -> None:
    task_id = api.post().json["taskID"]
    before = snapshot(raw)
    assert api.get(f"/tasks/{task_id}/result").status == 202
    assert snapshot(raw) == before


def test_a_cancel_ends_the_wait(api: RunningApi, raw: redis.Redis, pool: ThreadPoolExecutor) -> None:
    task_id = api.post().json["taskID"]
    asked = ask(pool, api, raw, task_id)
    api.call("DELETE", f"/tasks/{task_id}")
    assert asked.result().json["status"] == "cancelled"


@pytest.mark.parametrize("task_id", ["nope", "a.b", "%7Ba%7D", "a%0A"])
def test_an_unknown_and_a_malformed_id_are_not_found(api: RunningApi, unchanged, task_id: str) -> None:
    with unchanged():
        reply = api.get(f"/tasks/{task_id}/result?wait=60")
    assert (reply.status, reply.kind) == (404, "task-not-found")


@pytest.mark.parametrize(("query", "parameter"), [("Wait=5", "Wait"), ("timeout=5", "timeout"), ("wait=1&wait=2", "wait")])
def test_a_misspelt_or_doubled_parameter_is_refused(api: RunningApi, query: str, parameter: str) -> None:
    task_id = api.post().json["taskID"]
    reply = api.get(f"/tasks/{task_id}/result?{query}")
    assert (reply.status, reply.kind, reply.json["parameter"]) == (422, "wrong-parameter", parameter)


@pytest.mark.parametrize("wait", ["61", "60.1", "-1", "nan", "inf", "1e9", "soon", "", "30s"])
def test_a_wait_has_bounds(api: RunningApi, wait: str) -> None:
    task_id = api.post().json["taskID"]
    reply = api.get(f"/tasks/{task_id}/result?wait={wait}")
    assert (reply.status, reply.kind, reply.json["parameter"]) == (422, "wrong-parameter", "wait")


def test_a_server_that_drains_ends_the_waits_at_once(
    start_api: Callable[..., RunningApi], redis_url: str, raw: redis.Redis, pool: ThreadPoolExecutor
) -> None:
    api = start_api(redis_url)
    task_id = api.post().json["taskID"]
    asked = [ask(pool, api, raw, task_id) for _ in range(3)]
    began_s = time.monotonic()
    assert api.drain() == 0
    for future in asked:
        reply = future.result()
        assert (reply.status, reply.json) == (202, {"taskID": task_id, "status": "pending"})
    assert time.monotonic() - began_s < 30


def test_a_client_that_leaves_ends_its_wait(local_api: LocalApi) -> None:
    task_id = local_api.post().json["taskID"]

    def waiting() -> int:
        return len(local_api.front._waits._limits)

    with contextlib.closing(local_api.connect()) as connection:
        connection.request("GET", f"/tasks/{task_id}/result?wait=60")
        until(lambda: waiting() == 1)
    until(lambda: waiting() == 0)


def test_clients_that_leave_do_no_harm(api: RunningApi, raw: redis.Redis) -> None:
    task_id = api.post().json["taskID"]
    for _ in range(5):
        with contextlib.closing(api.connect()) as connection:
            connection.request("GET", f"/tasks/{task_id}/result?wait=60")
            until(lambda: watched(raw, task_id))
    api.call("DELETE", f"/tasks/{task_id}")
    assert api.get(f"/tasks/{task_id}/result?wait=60").json["status"] == "cancelled"
