"""Calls from code without a loop: scripts, threads, loops of others, and forked processes."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import redis

from lineshaft import App, ArgumentError, TaskCancelled, TaskNotFoundError
from lineshaft.worker import Worker

from .processes import MARK
from .waiting import until

CHILD_S = 20.0


@contextmanager
def working(app: App) -> Iterator[None]:
    """A worker in a thread with a loop of its own."""
    ready, stop = threading.Event(), threading.Event()

    async def work() -> None:
        async with Worker(app):
            ready.set()
            await asyncio.to_thread(stop.wait)
        await app.close()

    thread = threading.Thread(target=lambda: asyncio.run(work()))
    thread.start()
    try:
        assert ready.wait(10)
        yield
    finally:
        stop.set()
        thread.join()
        close(app)


def close(app: App) -> None:
    """Close what the sync calls of an app use, which otherwise lasts as long as the process."""
    app.run_sync(app.close())
    app._thread.stop()


def doubling(make_app: Callable[..., App]) -> tuple[App, Any]:
    app = make_app()

    @app.task
    async def double(n: int) -> int:
        return 2 * n

    return app, double


def test_a_script_enqueues_waits_and_cancels_without_a_loop(make_app: Callable[..., App]):
    app, double = doubling(make_app)
    with working(app):
        task = double.enqueue_sync(4)
        assert task.result_sync(10) == 8
        assert task.status_sync() == "done"
        tasks = app.enqueue_many_sync([double.call(n) for n in range(10)])
        assert [task.result_sync(timeout=10) for task in tasks] == [2 * n for n in range(10)]
        later = double.options(delay=60).enqueue_sync(1)
        assert later.status_sync() == "scheduled"
        assert later.cancel_sync() == "cancelled"
        with pytest.raises(TaskCancelled):
            later.result_sync(10)
        with pytest.raises(TimeoutError):
            double.options(delay=60).enqueue_sync(1).result_sync(0.05)
        with pytest.raises(ArgumentError):
            double.enqueue_sync()
        with pytest.raises(TaskNotFoundError):
            app.get_task("nobody").status_sync()


def test_many_threads_share_one_app(make_app: Callable[..., App], raw: redis.Redis):
    app, double = doubling(make_app)
    with working(app), ThreadPoolExecutor(8) as threads:
        assert list(threads.map(lambda n: double.enqueue_sync(n).result_sync(20), range(100))) == [2 * n for n in range(100)]

    def mine() -> list[dict[str, str]]:  # an API that other tests share may be connected too
        return [client for client in raw.client_list() if client["name"].endswith(f"-{os.getpid()}")]

    until(lambda: not mine(), what=mine)


async def test_a_sync_call_inside_a_loop_blocks_it_and_works(make_app: Callable[..., App]):
    app, double = doubling(make_app)
    try:
        task = double.enqueue_sync(1)
        assert task.status_sync() == "pending"
        assert await task.status() == "pending"
    finally:
        await asyncio.to_thread(close, app)


async def test_a_task_may_enqueue_and_wait_for_another_from_a_thread(make_app: Callable[..., App]):
    app, double = doubling(make_app)

    @app.task
    def twice(n: int) -> int:
        return double.enqueue_sync(double.enqueue_sync(n).result_sync(10)).result_sync(10)

    try:
        async with Worker(app):
            assert await (await twice.enqueue(3)).result(timeout=20) == 12
    finally:
        await asyncio.to_thread(close, app)


def in_child(act: Callable[[], None]) -> int:
    """Fork, and do something in the child; gives its pid."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.alarm(int(CHILD_S))
        act()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def ended_well(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # of the child, which cannot close what is its parent's
def test_a_forked_child_enqueues_and_waits_and_so_does_its_parent_after_it(make_app: Callable[..., App]):
    app, double = doubling(make_app)
    with working(app):
        assert double.enqueue_sync(1).result_sync(10) == 2  # a loop, a thread and connections to inherit

        def act() -> None:
            assert double.enqueue_sync(2).result_sync(10) == 4
            assert app.enqueue_many_sync([double.call(3)])[0].result_sync(10) == 6

        pids = [in_child(act) for _ in range(3)]
        began_s = time.monotonic()
        assert double.enqueue_sync(5).result_sync(10) == 10  # at the same time as the children
        assert [ended_well(pid) for pid in pids] == [True, True, True]
        assert double.enqueue_sync(6).result_sync(10) == 12
        assert time.monotonic() - began_s < 10


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_a_forked_child_throws_away_is_not_taken_from_its_parent(make_app: Callable[..., App]):
    """The child's copies of the parent's loop and connections share its epoll and its sockets with the kernel."""
    app, double = doubling(make_app)
    with working(app):
        assert double.enqueue_sync(1).result_sync(10) == 2

        def act() -> None:
            assert double.enqueue_sync(2).result_sync(10) == 4
            gc.collect()
            close(app)
            gc.collect()

        assert ended_well(in_child(act))
        began_s = time.monotonic()
        for n in range(20):
            assert double.enqueue_sync(n).result_sync(10) == 2 * n
        assert time.monotonic() - began_s < 3, "its parent had to time out before it went on"


SCRIPT = """
import asyncio, sys
from lineshaft import App, Settings

app = App("script", settings=Settings(redis_url=sys.argv[1]))

@app.task
async def double(n: int) -> int:
    return 2 * n

async def enqueue(n):
    task = await double.enqueue(n)
    try:
        await task.result(timeout=0.1)
    except TimeoutError:
        pass
    return task.id

"""


@pytest.mark.parametrize(
    "lines",
    ["print(double.enqueue_sync(1).id)\n" * 2, "print(asyncio.run(enqueue(1)))\n" * 2],
    ids=["without a loop", "one loop after the other"],
)
def test_a_script_that_closes_nothing_ends_by_itself_and_says_nothing(redis_url: str, raw: redis.Redis, lines: str):
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT + lines, redis_url],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        env=os.environ | MARK,
    )
    assert raw.lrange("task_queue", 0, -1) == list(reversed(ended.stdout.split()))
    assert ended.stderr == ""
