"""The disk under the server fills up: refusals are clear, results wait, and what was durable is there afterwards."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from faults.disk import SmallDisk
from integration.journal import Journal
from integration.processes import SHORT, WorkerProcess, is_alive
from integration.waiting import soon
from lineshaft import App, LineshaftError, ServerUnavailableError
from servers import RunningServer

pytestmark = pytest.mark.root

DISK_BYTES = 6_291_456
AT_ONCE = 50  # more than fits the page that the log ends in

Start = Callable[..., WorkerProcess]
StartServer = Callable[..., RunningServer]


class Load:
    """A producer that enqueues batch after batch and notes what was accepted and what was not."""

    def __init__(self, app: App) -> None:
        self.accepted: list[str] = []
        self.refused: dict[str, LineshaftError] = {}
        self._app = app
        self._going_on = asyncio.create_task(self._go_on())

    async def is_accepted(self) -> None:
        """Wait until a few batches more are accepted."""
        before = len(self.accepted)
        await soon(lambda: len(self.accepted) > before + 5 * AT_ONCE)

    async def is_refused(self) -> None:
        """Wait until a batch is refused."""
        before = len(self.refused)
        await soon(lambda: len(self.refused) > before)

    async def end(self) -> None:
        """Finish what is on the way, and end."""
        self._over = True
        await self._going_on

    async def _go_on(self) -> None:
        self._over, number = False, 0
        while not self._over:
            number += 1
            ids = [f"task-{number}-{n}" for n in range(AT_ONCE)]
            calls = [self._app.tasks["touch"].options(task_id=task_id).call(number) for task_id in ids]
            try:
                await self._app.enqueue_many(calls)
            except LineshaftError as error:
                self.refused |= dict.fromkeys(ids, error)
            else:
                self.accepted += ids
            await asyncio.sleep(0.01)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder, DISK_BYTES) as made:
        yield made


@pytest.fixture
def start_on(disk: SmallDisk, start_server: StartServer) -> Callable[[str], RunningServer]:
    """Start a server that keeps its log on the small disk."""
    return lambda fsync: start_server("--dir", str(disk.folder), "--appendonly", "yes", "--appendfsync", fsync)


def producer(make_app: Callable[..., App], server: RunningServer) -> App:
    """An app that knows the shop's tasks by name, runs none, and gives up soon."""
    app = make_app("producer", url=server.url, resend_s=1.0)
    app.tasks = {name: app.task(name=name)(lambda *args, **kwargs: None) for name in ("touch", "nap")}
    return app


def client_of(server: RunningServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True, protocol=3)


def words(raw: redis.Redis, ids: list[str]) -> list[str | None]:
    return raw.mget([f"task:{task_id}:status" for task_id in ids])


def traces(raw: redis.Redis, ids: list[str]) -> int:
    """How many keys there are of these tasks."""
    return raw.exists(*(f"task:{task_id}{key}" for task_id in ids for key in ("", ":status", ":digest", ":result")))


async def test_a_full_disk_refuses_new_tasks_whole_and_results_wait_until_there_is_space_again(
    make_app: Callable[..., App],
    start_on: Callable[[str], RunningServer],
    disk: SmallDisk,
    start_worker: Start,
    journal: Journal,
):
    """Fault 29. It lasts for longer than the lease, and nobody is reaped."""
    server = start_on("everysec")
    app = producer(make_app, server)
    workers = [start_worker(url=server.url) for _ in range(2)]
    children = [worker.child() for worker in workers]
    naps = [await app.tasks["nap"].enqueue(1.5) for _ in range(6)]
    load = Load(app)
    await load.is_accepted()
    disk.fill()
    await load.is_refused()
    await soon(lambda: journal.count("end", naps[-1].id) == 1)
    await soon(lambda: any("results wait in memory" in worker.log() for worker in workers))
    await load.is_refused()  # after the naps have ended
    await asyncio.sleep(SHORT["lease_s"] + SHORT["look_gap_s"])  # longer than the lease: the outage under test
    await load.end()
    with client_of(server) as raw:
        assert {type(error) for error in load.refused.values()} == {ServerUnavailableError}
        assert all("MISCONF" in str(error) for error in load.refused.values())
        assert traces(raw, list(load.refused)) == 0
        disk.free()
        assert [await nap.result(timeout=20) for nap in naps] == [1.5] * 6
        await soon(lambda: set(words(raw, load.accepted)) == {"done"})
        again = [app.tasks["touch"].options(task_id=task_id).call(7) for task_id in load.refused]
        assert [await task.result(timeout=20) for task in await app.enqueue_many(again)] == [7] * len(again)
        assert raw.hlen("lineshaft:crashes") == 0
    assert journal.started() == dict.fromkeys([*load.accepted, *load.refused, *(nap.id for nap in naps)], 1)
    assert [worker.child() for worker in workers] == children


@pytest.mark.parametrize("fsync", ["everysec", "always"])
async def test_a_server_that_ends_on_a_full_disk_has_what_was_durable_when_it_is_back(
    make_app: Callable[..., App],
    start_on: Callable[[str], RunningServer],
    disk: SmallDisk,
    start_worker: Start,
    journal: Journal,
    fsync: str,
):
    """Faults 29 and 30. With `always` the server ends itself, and has lost nothing that it accepted.

    With `everysec` it goes on and is killed here. What it accepted after the disk was full and before it noticed may be
    gone: it answers before it writes, and a write that comes too short is known too late. That gap is Redis's own.
    """
    server = start_on(fsync)
    app = producer(make_app, server)
    workers = [start_worker(url=server.url) for _ in range(2)]
    children = [worker.child() for worker in workers]
    load = Load(app)
    await load.is_accepted()
    durable = list(load.accepted)
    await load.is_accepted()
    disk.fill()
    await load.is_refused()
    await load.end()
    if fsync == "always":
        await soon(lambda: not is_alive(server.pid))
    await asyncio.to_thread(server.kill)
    disk.free()
    await asyncio.to_thread(server.restart)
    with client_of(server) as raw:
        kept = load.accepted if fsync == "always" else durable
        await soon(lambda: set(words(raw, kept)) == {"done"}, what=lambda: set(words(raw, kept)))
        again = [app.tasks["touch"].options(task_id=task_id).call(int(task_id.split("-")[1])) for task_id in load.refused]
        tasks = await app.enqueue_many(again)
        assert all([await task.result(timeout=20) for task in tasks])
        await soon(lambda: not list(raw.scan_iter("lineshaft:owned:*")))
        assert raw.hlen("lineshaft:crashes") == 0
        assert set(words(raw, load.accepted)) <= {"done", None}
    assert fsync == "everysec" or set(journal.started().values()) == {1}
    assert [worker.child() for worker in workers] == children
