"""Everything that can happen, at random, for a while: then every accepted task has ended, once, and is in one place."""

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import redis

from lineshaft import App, LineshaftError, Task, TaskEndedError, TaskNotFoundError
from servers import RunningServer

from .journal import Journal
from .processes import WorkerProcess
from .proxy import Proxy
from .waiting import soon

LASTS_S = 8.0
ENDED = ("done", "failed", "cancelled")


class Storm:
    """Harms workers, connections and the server, one thing after the other."""

    def __init__(self, seed: int, server: RunningServer, proxy: Proxy, start: Callable[[], WorkerProcess]) -> None:
        self.chance = random.Random(seed)
        self.server = server
        self.proxy = proxy
        self.start = start
        self.workers = [start(), start()]
        self.happened: Counter[str] = Counter()
        self.over = asyncio.Event()

    async def rage(self) -> None:
        acts = [
            self.kill_a_child, self.kill_a_worker, self.stop_a_worker, self.freeze_a_child, self.freeze_a_supervisor,
            self.cut, self.silence, self.forget_scripts, self.kill_clients, self.restart_server,
        ]  # fmt: skip
        while not self.over.is_set():
            await asyncio.sleep(self.chance.uniform(0.05, 0.4))
            act = self.chance.choice(acts)
            self.happened[act.__name__] += 1
            with contextlib.suppress(redis.RedisError):
                await act()

    def some_child(self) -> Iterator[int]:
        children = [pid for worker in self.workers for pid in worker.children()]
        return iter(self.chance.sample(children, min(1, len(children))))

    async def kill_a_child(self) -> None:
        for pid in self.some_child():
            os.kill(pid, signal.SIGKILL)

    async def kill_a_worker(self) -> None:
        victim = self.workers.pop(self.chance.randrange(2))
        await asyncio.to_thread(victim.kill_all)
        self.workers.append(self.start())

    async def stop_a_worker(self) -> None:
        self.workers.pop(self.chance.randrange(2)).signal(signal.SIGTERM)
        self.workers.append(self.start())

    async def freeze_a_child(self) -> None:
        for pid in self.some_child():
            await self.freeze(pid)

    async def freeze_a_supervisor(self) -> None:
        await self.freeze(self.chance.choice(self.workers).pid)

    async def freeze(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(self.chance.uniform(0.1, 0.6))
            os.kill(pid, signal.SIGCONT)

    async def cut(self) -> None:
        await asyncio.to_thread(self.proxy.cut)

    async def silence(self) -> None:
        await asyncio.to_thread(self.proxy.silence)

    async def forget_scripts(self) -> None:
        with redis.Redis.from_url(self.server.url) as client:
            client.script_flush()

    async def kill_clients(self) -> None:
        with redis.Redis.from_url(self.server.url) as client:
            client.client_kill_filter(_type="normal")

    async def restart_server(self) -> None:
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.restart)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.timeout(150)
async def test_after_a_storm_every_accepted_task_has_ended_and_is_in_one_place(
    make_app: Callable[..., App],
    start_server: Callable[..., RunningServer],
    start_worker: Callable[..., WorkerProcess],
    journal: Journal,
    seed: int,
):
    server = start_server("--appendonly", "yes", "--appendfsync", "always")
    proxy = Proxy(server.port)
    times = {"call_timeout_s": 1.0, "max_crashes": 1000, "look_gap_s": 3.0}
    app, direct = make_app("producer", url=proxy.url, resend_s=5.0, **times), make_app("auditor", url=server.url)
    for name in ("rest", "doze", "flaky", "touch"):
        app.task(name=name)(lambda *args: None)
    storm = Storm(seed, server, proxy, lambda: start_worker(url=proxy.url, concurrency=8, grace_s=1.0, **times))
    chance = random.Random(seed)
    accepted: list[Task] = []
    doubtful: set[str] = set()
    try:
        for worker in storm.workers:
            await asyncio.to_thread(worker.wait_ready)
        raging = asyncio.create_task(storm.rage())
        ends_s = asyncio.get_running_loop().time() + LASTS_S
        while asyncio.get_running_loop().time() < ends_s:
            name, arguments = chance.choice([("rest", [0.05]), ("doze", [0.05]), ("flaky", [1]), ("touch", [1])])
            with contextlib.suppress(LineshaftError):
                accepted += await app.enqueue_many([app.call(name, arguments) for _ in range(5)])
            if chance.random() < 0.1 and accepted:
                victim = chance.choice(accepted)
                try:
                    await victim.cancel()
                except (TaskEndedError, TaskNotFoundError):
                    pass
                except LineshaftError:
                    doubtful.add(victim.id)
            await asyncio.sleep(0.03)
        storm.over.set()
        await raging
        for worker in storm.workers:
            worker.signal(signal.SIGCONT, worker.everybody())
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            keys = [f"task:{task.id}:status" for task in accepted]
            await soon(lambda: set(client.mget(keys)) <= set(ENDED), 40, what=lambda: Counter(client.mget(keys)))
            await soon(lambda: not list(client.scan_iter("lineshaft:owned:*", count=1000)), 20)
            words = Counter(client.mget(keys))
            assert sum(words.values()) == len(accepted) > 100
            assert set(words) <= {"done", "cancelled"}, words
            everything = {key.split(":")[1]: client.get(key) for key in client.scan_iter("task:*:status", count=1000)}
            for word in ENDED:
                listed = client.lrange(f"lineshaft:ended:{word}", 0, -1)
                assert len(set(listed)) == len(listed)
                assert set(listed) == {task_id for task_id, of in everything.items() if of == word}
            await soon(lambda: client.llen("task_queue") == 0)
            for kept in ("lineshaft:tries", "lineshaft:crashes", "lineshaft:cancelling", "lineshaft:suspects"):
                await soon(lambda kept=kept: not client.exists(kept), what=lambda kept=kept: kept)
        ended = {line.task_id for line in journal.lines("end")}
        for task in accepted:
            record = await direct.client.inspector.task(task.id)
            crashes = [attempt for attempt in record.attempts if attempt.kind == "crash"]
            assert record.status == "cancelled" or len(crashes) == record.crashes
            assert record.status == "cancelled" or task.id in ended
    finally:
        await app.close()
        await asyncio.to_thread(proxy.stop)
    assert journal.overlaps() == [], storm.happened
    assert len(storm.happened) >= 6
