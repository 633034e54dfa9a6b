"""Producers, each a process of its own: `python -m faults.producers '{"kind": ..., "journal": ..., "url": ..., ...}'`.

Each writes down what it is about to enqueue, and what it was told. Every task carries a key, so that a run is known as this
producer's even where no id ever came back.
"""

import asyncio
import contextlib
import http.client
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from faults import foundry
from faults.journals import JournalWriter
from lineshaft import OutcomeUnknownError, ServerUnavailableError, TaskConflictError, TaskEndedError
from lineshaft.ids import new_id
from lineshaft.task_function import Call

RESENDS = 3
AWAITED_AT_ONCE = 25
TIMEOUT_S = 1.0
BEYOND_S = 4.0  # how long a producer goes on after its time to catch up


@dataclass(frozen=True)
class Order:
    """One task to enqueue."""

    key: str
    kind: str
    arguments: dict[str, Any]
    delay: float | None = None
    task_id: str | None = None
    cancel: bool = False

    def call(self) -> Call[Any]:
        """The call for the Python client."""
        function = foundry.app.call(self.kind, (), {"key": self.key, **self.arguments})
        options = getattr(foundry, self.kind).options(delay=self.delay, task_id=self.task_id)
        return options.call(*function.args, **function.kwargs)

    def body(self) -> dict[str, Any]:
        """The body for the REST API."""
        delay = {} if self.delay is None else {"delay": self.delay}
        return {"task": self.kind, "kwargs": {"key": self.key, **self.arguments}, "id": self.task_id, **delay}


MIX: list[tuple[float, str, Callable[[random.Random], dict[str, Any]]]] = [
    (0.69, "quick", lambda chance: {"seconds": chance.uniform(0.0, 0.02)}),
    (0.08, "threaded", lambda chance: {"seconds": chance.uniform(0.0, 0.02)}),
    (0.08, "slow", lambda chance: {"seconds": chance.uniform(0.5, 3.0)}),
    (0.03, "threaded", lambda chance: {"seconds": chance.uniform(0.5, 3.0)}),
    (0.08, "flaky", lambda chance: {"failures": chance.randint(1, 2)}),
    (0.04, "hopeless", lambda _chance: {}),
]


class Producer:
    """What all producers share: the orders they draw, the pace they keep, the journal they write."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.kind: str = given["kind"]
        self.url: str = given["url"]
        self.api_port: int = given["api_port"]
        self.journal = JournalWriter(Path(given["journal"]))
        self._chance = random.Random(f"{given['seed']}-{self.kind}")
        self._name = f"{self.kind}-{given['seed']}"
        self._amount: int = given["amount"]
        self._seconds: float = given["seconds"]
        self._made = 0
        self._began_s = time.monotonic()

    def due(self, most: int) -> list[Order] | None:
        """The orders to send now, none if it is too early, None at the end."""
        passed_s = time.monotonic() - self._began_s
        if self._made >= self._amount or passed_s > self._seconds + BEYOND_S:
            return None
        amount = min(most, int(self._amount * min(1.0, passed_s / self._seconds)) - self._made)
        return [self._draw() for _ in range(amount)]

    def _draw(self) -> Order:
        self._made += 1
        key, chance = f"{self._name}-{self._made}", self._chance
        (_, kind, arguments) = chance.choices(MIX, [share for share, _, _ in MIX])[0]
        delay = chance.uniform(0.2, 3.0) if kind == "quick" and chance.random() < 0.06 else None
        task_id = new_id() if self.kind == "http" or chance.random() < 0.4 else None
        return Order(key, kind, arguments(chance), delay, task_id, kind == "slow" and chance.random() < 0.15)

    def intend(self, orders: list[Order]) -> None:
        """Write down what is about to be sent."""
        self.journal.write_all(
            "intent",
            [{"key": order.key, "kind": order.kind, "id": order.task_id, "by": self.kind} for order in orders],
        )

    def said(self, event: str, orders: list[Order], ids: list[str] | None = None, why: str = "") -> None:
        """Write down what came back."""
        known = ids or [order.task_id for order in orders]
        self.journal.write_all(
            event, [{"key": order.key, "id": task_id, "why": why} for order, task_id in zip(orders, known, strict=True)]
        )

    async def accepted(self, orders: list[Order], enqueue: Callable[[], Awaitable[list[str]]]) -> None:
        """Enqueue, again under the same ids where the outcome is unknown and all have one, and write down the answer."""
        self.intend(orders)
        for attempt in range(RESENDS):
            try:
                ids = await enqueue()
            except OutcomeUnknownError as error:
                if attempt + 1 == RESENDS or any(order.task_id is None for order in orders):
                    self.said("unknown", orders, why=str(error))
                    return
            except TaskConflictError as error:
                self.said("conflict", orders, why=str(error))
                return
            except ServerUnavailableError as error:
                # Of earlier attempts nothing is known; of this one it is: nothing was written.
                self.said("refused" if attempt == 0 else "unknown", orders, why=str(error))
                return
            else:
                self.said("ack", orders, ids)
                await asyncio.gather(
                    *(self._cancel(order, task_id) for order, task_id in zip(orders, ids, strict=True) if order.cancel)
                )
                return

    async def _cancel(self, order: Order, task_id: str) -> None:
        await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        self.journal.write("cancel", key=order.key, id=task_id)
        with contextlib.suppress(ServerUnavailableError, TaskEndedError):
            await foundry.app.get_task(task_id).cancel()


async def batches(producer: Producer) -> None:
    """`app.enqueue_many`."""
    sending: set[asyncio.Task[None]] = set()
    while (orders := producer.due(100)) is not None:
        if len(orders) < 20:
            await asyncio.sleep(0.05)
        if orders:
            sending.add(asyncio.create_task(_send_batch(producer, orders)))
        if len(sending) > 2:
            _, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    if sending:
        await asyncio.wait(sending)


async def _send_batch(producer: Producer, orders: list[Order]) -> None:
    async def enqueue() -> list[str]:
        return [task.id for task in await foundry.app.enqueue_many([order.call() for order in orders])]

    await producer.accepted(orders, enqueue)


async def awaited(producer: Producer) -> None:
    """`await task.enqueue(...)`, many at a time."""
    sending: set[asyncio.Task[None]] = set()
    while (orders := producer.due(AWAITED_AT_ONCE - len(sending))) is not None:
        sending |= {asyncio.create_task(_send_one(producer, order)) for order in orders}
        if sending:
            _, sending = await asyncio.wait(sending, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(0.02)
    if sending:
        await asyncio.wait(sending)


async def _send_one(producer: Producer, order: Order) -> None:
    async def enqueue() -> list[str]:
        return [(await foundry.app.submit(order.call())).id]

    await producer.accepted([order], enqueue)


async def sync(producer: Producer) -> None:
    """The client for callers without a loop, one call after the other, from a thread."""

    def send(order: Order) -> list[str]:
        function = getattr(foundry, order.kind).options(delay=order.delay, task_id=order.task_id)
        return [function.enqueue_sync(key=order.key, **order.arguments).id]

    while (orders := producer.due(1)) is not None:
        for order in orders:
            await producer.accepted([order], lambda order=order: asyncio.to_thread(send, order))
        if not orders:
            await asyncio.sleep(0.01)


async def over_http(producer: Producer) -> None:
    """`POST /tasks` with ids of ours, sent again until there is an answer that says yes."""
    connection = http.client.HTTPConnection("127.0.0.1", producer.api_port, timeout=TIMEOUT_S)
    while (orders := producer.due(1)) is not None:
        for order in orders:
            producer.intend([order])
            producer.said(await asyncio.to_thread(_post, connection, order), [order])
        if not orders:
            await asyncio.sleep(0.01)


def _post(connection: http.client.HTTPConnection, order: Order) -> str:
    body, until_s = json.dumps(order.body()), time.monotonic() + 2 * BEYOND_S
    while time.monotonic() < until_s:
        try:
            connection.request("POST", "/tasks", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
        else:
            if answer.status in {200, 201}:
                return "ack"
            if answer.status == 409:
                return "conflict"
        time.sleep(0.1)
    return "unknown"


async def foreign(producer: Producer) -> None:
    """A program that knows only two keys: SET, then LPUSH, and no second attempt."""
    client = redis.Redis.from_url(
        producer.url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0), protocol=3
    )
    while (orders := producer.due(1)) is not None:
        for _ in orders:
            task_id = new_id()
            order = Order(task_id, "foreign", {}, task_id=task_id)
            producer.intend([order])
            producer.said(await asyncio.to_thread(_push, client, task_id), [order])
        if not orders:
            await asyncio.sleep(0.01)


def _push(client: redis.Redis, task_id: str) -> str:
    try:
        client.set(f"task:{task_id}:status", "pending")
        client.lpush("task_queue", task_id)
    except redis.exceptions.OutOfMemoryError:
        return "refused"
    except redis.RedisError:
        return "unknown"
    return "ack"


PRODUCERS = {"batches": batches, "awaited": awaited, "sync": sync, "http": over_http, "foreign": foreign}


async def main() -> None:
    """Produce as told, then end."""
    given = json.loads(sys.argv[1])
    foundry.app.configure(redis_url=given["url"], **given["settings"])
    await PRODUCERS[given["kind"]](Producer(given))
    await foundry.app.close()


if __name__ == "__main__":
    asyncio.run(main())
