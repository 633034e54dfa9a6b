"""A supervisor learns too late that its session was opened: the session has been reaped by then, and it takes a new one."""

from collections.abc import Callable

from integration.processes import WorkerProcess
from integration.proxy import Proxy
from integration.waiting import until


def test_a_session_that_was_reaped_before_its_supervisor_heard_of_it_is_replaced(
    start_worker: Callable[..., WorkerProcess], proxy: Proxy
):
    other = start_worker()  # it looks, and reaps
    other.wait_ready()
    late = proxy.delay(b"opened", 8.0, "reply")  # longer than the call's own limit: the open is sent again
    worker = start_worker(url=proxy.url)
    assert late.happened.wait(20)
    reaped = set(until(worker.sessions, what=worker.log).values())
    until(lambda: reaped.isdisjoint(worker.sessions().values()))
    assert until(worker.sessions, 30, what=worker.log)
