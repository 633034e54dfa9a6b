"""Requests that wait: what ends them."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from integration.waiting import soon
from lineshaft.api.waits import Waits

Receive = Callable[[], Awaitable[Message]]


class Client:
    """What an ASGI server tells of a client: its body, and then, when it has gone, that."""

    def __init__(self) -> None:
        self._body = [{"type": "http.request", "more_body": True}, {"type": "http.request", "body": b"no", "more_body": False}]
        self.left = asyncio.Event()

    async def receive(self) -> Message:
        if self._body:
            return self._body.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}


async def never(cancelled: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled.append("work")
        raise


async def at_once(answer: Exception | None = None) -> None:
    if answer:
        raise answer


def run(test: Callable[[Waits, Client], Awaitable[None]]) -> None:
    async def main() -> None:
        before = asyncio.all_tasks()
        waits = Waits()
        await asyncio.wait_for(test(waits, Client()), 20)
        assert asyncio.all_tasks() - before <= {asyncio.current_task()}
        assert not waits._limits

    asyncio.run(main())


@pytest.mark.parametrize("limit_s", [None, 60.0])
def test_work_that_ends_ends_the_wait(limit_s: float | None) -> None:
    async def test(waits: Waits, client: Client) -> None:
        await waits.within(limit_s, at_once(), client.receive)
        with pytest.raises(KeyError):
            await waits.within(limit_s, at_once(KeyError("some")), client.receive)

    run(test)


def test_a_limit_ends_it() -> None:
    async def test(waits: Waits, client: Client) -> None:
        cancelled: list[str] = []
        await waits.within(0.01, never(cancelled), client.receive)
        assert cancelled == ["work"]

    run(test)


def test_a_client_that_leaves_ends_it() -> None:
    async def test(waits: Waits, client: Client) -> None:
        cancelled: list[str] = []
        waiting = asyncio.create_task(waits.within(None, never(cancelled), client.receive))
        await soon(lambda: waits._limits)
        client.left.set()
        await waiting
        assert cancelled == ["work"]

    run(test)


def test_a_drain_ends_those_that_are_under_way_and_those_to_come() -> None:
    async def test(waits: Waits, client: Client) -> None:
        cancelled: list[str] = []
        waiting = asyncio.create_task(waits.within(None, never(cancelled), client.receive))
        await soon(lambda: waits._limits)
        waits.drain()
        waits.drain()
        await waiting
        await waits.within(None, never(cancelled), client.receive)
        assert cancelled == ["work", "work"]

    run(test)


def test_whoever_is_cancelled_while_he_waits_leaves_nothing_behind() -> None:
    async def test(waits: Waits, client: Client) -> None:
        cancelled: list[str] = []
        waiting = asyncio.create_task(waits.within(60, never(cancelled), client.receive))
        await soon(lambda: waits._limits)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert cancelled == ["work"]

    run(test)
