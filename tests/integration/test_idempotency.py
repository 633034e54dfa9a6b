"""`options(idempotency_key=)`: one key is one task, whatever it is sent through."""

from collections.abc import Callable

import pytest
import redis

from lineshaft import App, ConfigurationError, TaskConflictError
from lineshaft.ids import id_of_key
from lineshaft.worker import Worker

from .simple_tasks import noting_task

KEY = "order 4711/mail"


async def test_the_same_key_is_the_same_task_and_other_content_a_conflict(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()
    note, runs = noting_task(app)

    @app.task
    async def other(n: int) -> int:
        return n

    keyed = note.options(idempotency_key=KEY)
    first, again = await keyed.enqueue(1), await note.options(idempotency_key=KEY, delay=60).enqueue(1)
    assert (first.id, again.id) == (id_of_key(KEY), id_of_key(KEY))
    assert (first.created, again.created) == (True, False)
    for call in (keyed.call(2), other.options(idempotency_key=KEY).call(1)):
        with pytest.raises(TaskConflictError, match=f"idempotency key '{KEY}'"):
            await app.submit(call)
    async with Worker(app):
        assert await first.result(timeout=10) == 1
        assert await (await keyed.enqueue(1)).result(timeout=10) == 1
    assert runs == [1]


async def test_a_key_is_remembered_for_a_day_when_the_record_is_gone(make_app: Callable[..., App], raw: redis.Redis):
    app = make_app()

    @app.task
    async def note(n: int) -> int:
        return n

    task = await note.options(idempotency_key=KEY).enqueue(1)
    assert 86_000_000 < raw.pttl(f"task:{task.id}:digest") <= 86_400_000
    raw.delete("task_queue", f"task:{task.id}", f"task:{task.id}:status")
    assert (await note.options(idempotency_key=KEY).enqueue(1)).created is False
    assert raw.llen("task_queue") == 0
    with pytest.raises(TaskConflictError):
        await note.options(idempotency_key=KEY).enqueue(2)


@pytest.mark.parametrize("key", ["", " a", "a ", "ä", "a\n", 'a"b', "a\\b", "a" * 256])
async def test_what_cannot_be_a_key_is_refused(make_app: Callable[..., App], raw: redis.Redis, key: str):
    app = make_app()

    @app.task
    async def note() -> None: ...

    with pytest.raises(ConfigurationError, match="idempotency_key"):
        note.options(idempotency_key=key)
    assert raw.dbsize() == 0


async def test_an_id_and_a_key_are_one_too_many(make_app: Callable[..., App]):
    app = make_app()

    @app.task
    async def note() -> None: ...

    with pytest.raises(ConfigurationError, match="one of them"):
        note.options(idempotency_key="a", task_id="a")
