"""Many waits under one time limit."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from lineshaft.api import deadlines
from lineshaft.api.deadlines import Deadlines

LIMIT_S = 0.05


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "LOOK_S", 0.01)


async def answer(after_s: float = 0.0) -> str:
    await asyncio.sleep(after_s)
    return "answer"


async def fail() -> None:
    raise KeyError("mine")


def waits(*works: Coroutine[Any, Any, Any], limit_s: float = LIMIT_S) -> list[Any]:
    async def run() -> list[Any]:
        limited = Deadlines(limit_s)
        return await asyncio.gather(*(limited.within(work) for work in works), return_exceptions=True)

    return asyncio.run(run())


def test_what_comes_in_time_is_passed_on() -> None:
    assert waits(answer(), answer(0.01), limit_s=5) == ["answer", "answer"]
    assert isinstance(waits(fail())[0], KeyError)


def test_what_takes_too_long_ends_and_the_rest_goes_on() -> None:
    slow, quick, never = waits(answer(30), answer(), asyncio.Event().wait())
    assert quick == "answer"
    assert isinstance(slow, TimeoutError)
    assert isinstance(never, TimeoutError)


def test_a_later_wait_has_its_own_time() -> None:
    async def run() -> None:
        limited = Deadlines(0.2)
        first = asyncio.create_task(limited.within(answer(30)))
        await asyncio.sleep(0.15)
        second = asyncio.create_task(limited.within(answer(0.15)))
        with pytest.raises(TimeoutError):
            await first
        assert await second == "answer"

    asyncio.run(run())


def test_a_task_that_was_timed_out_goes_on_as_any_other() -> None:
    async def run() -> None:
        limited = Deadlines(LIMIT_S)
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await limited.within(answer(30))
            assert await limited.within(answer()) == "answer"
            await asyncio.sleep(0.02)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    asyncio.run(run())


def test_a_task_that_somebody_cancels_is_cancelled() -> None:
    async def run() -> None:
        limited = Deadlines(5)
        task = asyncio.create_task(limited.within(answer(30)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_nothing_ticks_when_nobody_waits() -> None:
    async def run() -> None:
        limited = Deadlines(LIMIT_S)
        await limited.within(answer())
        await asyncio.sleep(0.05)
        assert limited._timer is None
        assert await limited.within(answer()) == "answer"

    asyncio.run(run())
