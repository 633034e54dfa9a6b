"""Faults of the network between workers, producers and Redis: what one sends is lost, and nobody is told."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import redis

from api.running import RunningApi
from faults.network import Network
from integration.journal import Journal
from integration.processes import WorkerProcess
from integration.waiting import soon
from lineshaft import App, Task
from servers import RunningServer

pytestmark = pytest.mark.root

CONSUMES_S = 10.0  # a worker takes tasks again within this time after the network is well
PATIENT = {"look_gap_s": 3.0}  # longer than two renewals in a row take to fail, as with the real settings

Start = Callable[..., WorkerProcess]


class Mill:
    """A server in one place of a network, and the places `here` and `there`; a producer outside that always reaches it."""

    def __init__(self, network: Network, server: RunningServer, app: App, start_worker: Start) -> None:
        self.network = network
        self.server = server
        self.url = network["server"].url_of(server)
        self.app = app
        self._start_worker = start_worker
        self.raw = redis.Redis.from_url(network["server"].socket_of(server), decode_responses=True, protocol=3)

    def worker(self, place: str, **options: Any) -> WorkerProcess:
        """A worker in a place, ready."""
        options = {"url": self.url, **PATIENT, **options}
        worker = self.network[place].run(self._start_worker, **options)
        self.network[place].run(worker.wait_ready)
        return worker

    def one_sided(self, place: str) -> None:
        """From now on a place is heard and hears nothing."""
        self.network.one_way("server", place)

    async def enqueue(self, name: str, *args: Any, task_id: str | None = None, **kwargs: Any) -> Task:
        """Enqueue from outside."""
        return await self.app.tasks[name].options(task_id=task_id).enqueue(*args, **kwargs)

    def result(self, task: Task) -> str | None:
        """The outcome as it is stored."""
        return self.raw.get(f"task:{task.id}:result")

    def owned(self) -> int:
        """How many tasks are claimed."""
        return sum(self.raw.hlen(key) for key in self.raw.scan_iter("lineshaft:owned:*"))

    def clients(self, name: str) -> set[str]:
        """The connections that the server still holds, of the clients with this in their names."""
        return {client["id"] for client in self.raw.client_list() if name in client["name"]}

    async def is_consumed(self, **options: Any) -> None:
        """A new task is run in time."""
        task = await self.enqueue("touch", 5, **options)
        assert await task.result(timeout=CONSUMES_S) == 5


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with Network(tmp_path / "network", "server", "here", "there") as made:
        yield made


@pytest.fixture
def mill(network: Network, make_app: Callable[..., App], start_worker: Start, tmp_path: Path) -> Iterator[Mill]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = network["server"].start_server(folder, "--appendonly", "yes", "--appendfsync", "always")
    app = producer(make_app, network["server"].socket_of(server))
    made = Mill(network, server, app, start_worker)
    yield made
    made.raw.close()
    server.stop()


def producer(make_app: Callable[..., App], url: str, **settings: Any) -> App:
    """An app that knows the shop's tasks by name and runs none."""
    app = make_app("producer", url=url, **settings)
    app.tasks = {name: app.task(name=name)(lambda *args, **kwargs: None) for name in ("touch", "nap")}
    return app


async def test_a_worker_that_is_cut_off_for_longer_than_its_lease_changes_nothing_afterwards_and_takes_tasks_again(
    mill: Mill, journal: Journal
):
    """Fault 41. Some of its tasks end while it is cut off, others still run when the network is well again."""
    cut_off = mill.worker("here")
    short = [await mill.enqueue("nap", 3, again=0.1) for _ in range(3)]
    long = [await mill.enqueue("nap", 60, again=0.1) for _ in range(3)]
    await soon(lambda: journal.count("start") == 6)
    other = mill.worker("there")
    mill.network.partition("here", "server")
    for task in short + long:
        assert await task.result(timeout=20) in {3, 60}
    records = [await mill.app.client.inspector.task(task.id) for task in short + long]
    assert {(record.status, record.tries, record.crashes) for record in records} == {("done", 1, 1)}
    outcomes = [mill.result(task) for task in short + long]
    await soon(lambda: {journal.count("end", task.id) for task in short} == {2})
    mill.network.heal()
    lost = await soon(lambda: [line for line in journal.lines("stopped") if line.task_id in {task.id for task in long}][2:])
    assert {line.note for line in lost} == {"lost=True"}
    other.end()
    await mill.is_consumed()
    assert [mill.result(task) for task in short + long] == outcomes
    assert set(journal.started().values()) == {1, 2}  # 1 is what was enqueued last
    assert cut_off.process.poll() is None


async def test_an_enqueue_whose_reply_is_lost_on_the_way_has_one_effect(
    mill: Mill, journal: Journal, make_app: Callable[..., App]
):
    """Fault 42: the server accepts the task, and the producer does not hear of it."""
    mill.worker("there")
    app = producer(make_app, mill.url, call_timeout_s=1.0)
    here = mill.network["here"]
    assert here.run(app.tasks["touch"].enqueue_sync, 1).result_sync(10) == 1
    mill.one_sided("here")
    enqueuing: Future[Task] = here.begin(app.tasks["touch"].options(task_id="the-task").enqueue_sync, 2)
    await soon(lambda: mill.raw.exists("task:the-task"))
    await soon(here.given_up)
    assert not enqueuing.done()
    mill.network.heal()
    task = await asyncio.wrap_future(enqueuing)
    assert await mill.app.get_task(task.id).result(timeout=10) == 2
    assert journal.started()[task.id] == 1
    assert mill.raw.lrange("lineshaft:ended:done", 0, -1).count(task.id) == 1
    here.run(app.run_sync, app.close())


async def test_a_claim_whose_reply_is_lost_on_the_way_is_handed_back_and_run_once(mill: Mill, journal: Journal):
    """Fault 42: the server gives the worker a task, and the worker does not hear of it."""
    worker = mill.worker("here", queues=["default"], call_timeout_s=1.0, reconcile_s=60.0)
    await mill.is_consumed()
    (child,) = worker.signal(signal.SIGSTOP, worker.children())
    mill.one_sided("here")
    task = await mill.enqueue("touch", 3)
    os.kill(child, signal.SIGCONT)  # so that the next thing it asks is a claim, for it compares only later
    await soon(lambda: mill.owned() == 1)
    await soon(lambda: "cannot claim: Redis cannot be reached: no answer" in worker.log())
    assert journal.count("start", task.id) == 0
    mill.network.heal()
    assert await task.result(timeout=CONSUMES_S) == 3
    await mill.is_consumed()
    record = await mill.app.client.inspector.task(task.id)
    assert (record.tries, record.crashes, journal.started()[task.id]) == (1, 0, 1)
    assert "never arrived here" in worker.log()


async def test_an_end_whose_answer_is_lost_on_the_way_counts_once(mill: Mill, journal: Journal):
    """Fault 42: the server takes the end of a run, and the worker does not hear of it and sends it again."""
    worker = mill.worker("here", call_timeout_s=1.0)
    await mill.is_consumed()  # over the connection that the end is sent on
    task = await mill.enqueue("nap", 1)
    await soon(lambda: journal.count("start", task.id) == 1)
    mill.one_sided("here")
    await soon(lambda: mill.result(task))
    outcome = mill.result(task)
    await soon(lambda: "results wait in memory (1): Redis cannot be reached: no answer" in worker.log())
    mill.network.heal()
    await mill.is_consumed()
    await soon(lambda: mill.owned() == 0)
    assert (mill.result(task), journal.started()[task.id]) == (outcome, 1)
    assert mill.raw.lrange("lineshaft:ended:done", 0, -1).count(task.id) == 1


async def test_a_server_that_goes_and_comes_back_unseen_is_found_again(
    mill: Mill, journal: Journal, make_app: Callable[..., App]
):
    """Fault 43: every connection is open at one end only. The worker takes tasks again, and who waits gets the result."""
    worker = mill.worker("here")
    app, there = producer(make_app, mill.url), mill.network["there"]
    running = await mill.enqueue("nap", 2)
    waited_for = await mill.app.tasks["touch"].options(delay=4).enqueue(8)
    waiting = there.begin(app.get_task(waited_for.id).result_sync, 30)
    await soon(lambda: journal.count("start") == 1 and mill.clients("lineshaft-listen"))
    for place in ("here", "there"):
        mill.network.partition(place, "server")
    await asyncio.to_thread(mill.server.kill)
    mill.network["server"].run(mill.server.restart)
    mill.network.heal()
    await mill.is_consumed()
    assert await asyncio.wrap_future(waiting) == 8
    assert await running.result(timeout=10) == 2
    assert set(journal.started().values()) == {1}
    assert worker.process.poll() is None
    there.run(app.run_sync, app.close())


async def test_a_server_whose_name_fails_and_then_leads_elsewhere_is_found_again(mill: Mill, journal: Journal):
    """Fault 46. The API says the truth about it all the time."""
    here = mill.network["here"]
    here.name_hosts(mill=mill.network["server"].address)
    url = mill.network["server"].url_of(mill.server, "mill")
    worker = mill.worker("here", url=url)
    api = here.run(RunningApi, url)
    try:
        await mill.is_consumed()
        assert here.run(api.get, "/readyz").status == 200
        here.name_hosts()
        mill.raw.client_kill_filter(_type="normal", skipme=True)
        await soon(lambda: "cannot claim" in worker.log())
        assert here.run(api.get, "/readyz").status == 503
        task = await mill.enqueue("touch", 4)
        mill.network.move("server", "10.77.1.9")
        here.name_hosts(mill="10.77.1.9")
        assert await task.result(timeout=CONSUMES_S) == 4
        await soon(lambda: here.run(api.get, "/readyz").status == 200)
        await mill.is_consumed()
    finally:
        here.run(api.stop)
    assert set(journal.started().values()) == {1}
