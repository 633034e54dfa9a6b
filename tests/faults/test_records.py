"""Fault 57: what stands in Redis is damaged; each damage is dealt with where people can see it, and the queue keeps moving."""

import asyncio
from collections.abc import Callable

import pytest
import redis

from integration.journal import Journal
from integration.processes import WorkerProcess
from integration.waiting import soon
from lineshaft import App, DamagedRecordError, TaskFailed, UnsupportedVersionError
from lineshaft.protocol import wire

Start = Callable[..., WorkerProcess]

WHOLE = wire.encode_envelope("touch", "default", b"[]", b"{}", 1, 1_700_000_000_000)
NEWER = WHOLE.replace(b'"v":1', b'"v":99')
FOREIGN = "done"  # without an envelope it is a foreign producer's, and runs the default task

# id -> its envelope, and how the task ends.
ENVELOPES = {
    "missing": (None, FOREIGN),
    "empty": (b"", "DamagedRecordError"),
    "no-text": (b"\xff\xfe\x00", "DamagedRecordError"),
    "zeroed": (b"\x00" * len(WHOLE), "DamagedRecordError"),
    "half": (WHOLE[: len(WHOLE) // 2], "DamagedRecordError"),
    "a-list": (b"[]", "DamagedRecordError"),
    "a-number-for-a-name": (WHOLE.replace(b'"touch"', b"17"), "DamagedRecordError"),
    "text-for-arguments": (WHOLE.replace(b'"args":[]', b'"args":"x"'), "ArgumentError"),
    "version-0": (WHOLE.replace(b'"v":1', b'"v":0'), "DamagedRecordError"),
    "newer": (NEWER, "UnsupportedVersionError"),
}
NO_IDS = ["not an id!", "", "x" * 65, "task:queue"]
OUTCOMES = {
    "no JSON": (b"not json", DamagedRecordError),
    "bare": (b"{}", DamagedRecordError),
    "newer": (b'{"v":99}', UnsupportedVersionError),
}


def producer(make_app: Callable[..., App]) -> App:
    app = make_app("producer")
    app.tasks = {name: app.task(name=name)(lambda *args: None) for name in ("touch", "nap", "rest")}
    return app


async def test_envelopes_that_are_damaged_in_every_way_fail_by_name_and_the_tasks_between_them_run(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    good = []
    for task_id, (envelope, _) in ENVELOPES.items():
        raw.set(f"task:{task_id}:status", "pending")
        if envelope is not None:
            raw.set(f"task:{task_id}", envelope)
        raw.lpush("task_queue", task_id, *NO_IDS)
        good.append(await app.tasks["touch"].enqueue(len(good)))
    worker = start_worker(concurrency=3, unknown_delay_s=0.1, unknown_kept_s=0.5)
    child = worker.child()
    assert [await task.result(timeout=20) for task in good] == list(range(len(good)))
    ends = {task_id: await end_of(app, task_id) for task_id in ENVELOPES}
    assert ends == {task_id: end for task_id, (_, end) in ENVELOPES.items()}
    assert sorted(set(raw.lrange("lineshaft:set_aside", 0, -1))) == sorted(NO_IDS)
    assert journal.started() == {task.id: 1 for task in good}
    assert raw.llen("task_queue") == 0
    assert worker.child() == child


async def end_of(app: App, task_id: str) -> str:
    """How it ended: "done", or what it failed of."""
    try:
        await app.get_task(task_id).result(timeout=20)
    except TaskFailed as error:
        return error.error_type
    return "done"


@pytest.mark.strange_keys("keys of another type")
async def test_keys_of_a_task_that_are_of_another_type_stop_nothing(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    for part in ("", ":status", ":result", ":attempts", ":digest"):
        task_id = f"odd{part.replace(':', '-')}"
        raw.set(f"task:{task_id}:status", "pending")
        raw.delete(f"task:{task_id}{part}")
        raw.hset(f"task:{task_id}{part}", "wrong", "type")
        raw.lpush("task_queue", task_id)
    start_worker().wait_ready()
    task = await app.tasks["touch"].enqueue(3)
    assert await task.result(timeout=20) == 3
    ends = {"odd": "DamagedRecordError", "odd-result": "done", "odd-attempts": "done", "odd-digest": "done"}
    assert {task_id: await end_of(app, task_id) for task_id in ends} == ends
    assert raw.zscore("lineshaft:strays", "odd-status") is not None, "it is as if nobody had set its word yet"
    assert raw.hgetall("task:odd-status:status") == {"wrong": "type"}


@pytest.mark.parametrize("damage", OUTCOMES)
async def test_who_waits_for_an_end_that_cannot_be_read_is_told_and_others_get_theirs(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, damage: str
):
    app = producer(make_app)
    outcome, error = OUTCOMES[damage]
    raw.mset({"task:odd:status": "done", "task:odd:result": outcome, "task:odd": WHOLE})
    start_worker().wait_ready()
    task = await app.tasks["nap"].enqueue(0.3)
    waiting = asyncio.create_task(task.result(timeout=20))
    with pytest.raises(error):
        await app.get_task("odd").result(timeout=20)
    assert await waiting == 0.3
    assert await app.get_task("odd").status() == "done"


async def test_a_token_that_is_damaged_while_its_task_runs_costs_another_run_and_never_the_task(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker()
    child = worker.child()
    session = worker.sessions()[child]
    task = await app.tasks["nap"].enqueue(3)
    await soon(lambda: journal.count("start") == 1)
    raw.hset(f"lineshaft:owned:{session}", task.id, "damaged")
    assert await task.result(timeout=20) == 3
    await soon(lambda: not raw.exists(f"lineshaft:owned:{session}"))
    assert journal.overlaps() == []
    after = await app.tasks["touch"].enqueue(1)
    assert await after.result(timeout=20) == 1


async def test_a_queue_whose_key_is_of_another_type_is_named_and_the_other_queues_go_on(
    make_app: Callable[..., App], start_worker: Start, raw: redis.Redis, journal: Journal
):
    app = producer(make_app)
    worker = start_worker(queues=["default", "mail"])
    child = worker.child()
    raw.set("task_queue", "somebody else's")
    with pytest.raises(DamagedRecordError, match="default"):
        await app.tasks["touch"].enqueue(1)
    mail = await app.tasks["touch"].options(queue="mail").enqueue(2)
    assert await mail.result(timeout=20) == 2
    raw.delete("task_queue")
    again = await app.tasks["touch"].enqueue(3)
    assert await again.result(timeout=20) == 3
    assert worker.child() == child
