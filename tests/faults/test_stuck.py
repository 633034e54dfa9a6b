"""A worker that cannot take tasks never sits silent: it says why, takes tasks again once it can, or ends with an error."""

import contextlib
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from api.running import RunningApi
from integration.journal import Journal
from integration.processes import WorkerProcess
from integration.proxy import Proxy
from integration.waiting import until
from lineshaft import App
from servers import RunningServer

AGAIN_S = 10.0  # from healing until a worker takes tasks again
PROBES = 3  # tasks that must run before the fault and after it


class Mill:
    """One server, perhaps behind a proxy, with a worker and an API. `producer` reaches the server directly."""

    def __init__(self, url: str, producer: App, journal: Journal, start_worker: Callable[..., WorkerProcess]) -> None:
        self.producer = producer
        self._journal = journal
        self.worker = start_worker(url=url)
        self.api = RunningApi(url)

    def is_ready(self) -> bool:
        """What the API's readiness probe says."""
        return self.api.get("/readyz").status == 200

    def take_tasks(self, within_s: float) -> None:
        """Offer tasks, and see the worker take them."""
        tasks = self.producer.enqueue_many_sync([self.producer.call("touch", [n]) for n in range(PROBES)])
        wanted = {task.id for task in tasks}
        until(lambda: wanted <= self._journal.started().keys(), within_s, what=self.worker.log)


def is_loading(server: RunningServer) -> bool:
    """By a bare connection: redis-py asks again by itself."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", server.port), timeout=5) as link:
        link.sendall(b"PING\r\n")
        return link.recv(64).startswith(b"-LOADING")
    return False


@pytest.fixture
def mill(
    make_app: Callable[..., App], journal: Journal, start_worker: Callable[..., WorkerProcess]
) -> Iterator[Callable[[str, str], Mill]]:
    """Make a mill, where things work: `mill(url of worker and API, url of the producer)`."""
    made: list[Mill] = []

    def make(url: str, producer_url: str) -> Mill:
        producer = make_app("shop", url=producer_url)

        @producer.task
        async def touch(value: int = 0) -> int:
            return value

        made.append(Mill(url, producer, journal, start_worker))
        made[-1].take_tasks(within_s=20)
        assert made[-1].is_ready()
        return made[-1]

    yield make
    for one in made:
        one.api.stop()
        one.producer.run_sync(one.producer.close())


def test_a_server_that_takes_connections_and_never_replies(mill: Callable[..., Mill], redis_url: str, proxy: Proxy):
    running = mill(proxy.url, redis_url)
    proxy.silence(new_too=True)
    until(lambda: not running.is_ready())
    until(lambda: "no answer within" in running.worker.log())
    proxy.hear_again()
    running.take_tasks(AGAIN_S)
    until(running.is_ready)


def test_a_server_that_is_demoted_while_the_worker_blocks_on_it(
    mill: Callable[..., Mill], start_server: Callable[..., RunningServer]
):
    server = start_server()
    running = mill(server.url, server.url)
    with redis.Redis(port=server.port, decode_responses=True) as client:
        until(lambda: "blpop" in {one["cmd"] for one in client.client_list()}, what=running.worker.log)
        client.replicaof("127.0.0.1", 1)  # nobody is there, so it keeps its data
        until(lambda: "READONLY" in running.worker.log(), what=running.worker.log)
        assert not running.is_ready()
        client.replicaof("NO", "ONE")
    running.take_tasks(AGAIN_S)
    until(running.is_ready)


def test_a_server_that_loads_its_data(mill: Callable[..., Mill], start_server: Callable[..., RunningServer]):
    server = start_server("--key-load-delay", "1500", "--loading-process-events-interval-bytes", "1024")
    running = mill(server.url, server.url)
    with redis.Redis(port=server.port) as client:
        client.mset({f"filler:{n}": n for n in range(2000)})
        client.save()
    server.kill()
    with ThreadPoolExecutor() as aside:  # a server ends with the thread that started it, so this one looks from aside
        seen = aside.submit(lambda: until(lambda: is_loading(server)) and running.is_ready())
        server.restart()
        assert seen.result() is False
    running.take_tasks(AGAIN_S)
    until(running.is_ready)


def test_a_server_that_refuses_for_a_while(mill: Callable[..., Mill], start_server: Callable[..., RunningServer]):
    server = start_server()
    running = mill(server.url, server.url)
    with redis.Redis(port=server.port) as client:
        client.config_set("requirepass", "let-me-in")
        client.client_kill_filter(skipme=True)
        until(lambda: "Redis wants a password" in running.worker.log(), what=running.worker.log)
        assert not running.is_ready()
        client.config_set("requirepass", "")
    running.take_tasks(AGAIN_S)
    until(running.is_ready)


@pytest.mark.parametrize(("fault", "said"), [("refuses", "Redis wants a password"), ("is away", "Redis cannot be reached")])
def test_a_worker_that_can_take_no_task_for_too_long_ends_with_an_error(
    fault: str, said: str, start_server: Callable[..., RunningServer], start_worker: Callable[..., WorkerProcess]
):
    server = start_server()
    worker = start_worker(url=server.url, give_up_s=1.0, grace_s=0.0)
    worker.wait_ready()
    if fault == "is away":
        server.kill()
    else:
        with redis.Redis(port=server.port) as client:
            client.config_set("requirepass", "let-me-in")
            client.client_kill_filter(skipme=True)
    assert worker.wait() == 1
    (line,) = [line for line in worker.log().splitlines() if line.startswith("error: ")]
    assert line.startswith("error: no task could be taken for 1 s, so this worker gives up: ")
    assert said in line


def test_a_worker_that_gets_no_session_for_too_long_ends_with_an_error(
    start_server: Callable[..., RunningServer], start_worker: Callable[..., WorkerProcess]
):
    server = start_server()
    server.kill()
    worker = start_worker(url=server.url, give_up_s=1.0)
    assert worker.wait() == 1
    assert "error: no session could be opened for 1 s, so this command gives up: Redis cannot be reached" in worker.log()


def test_a_worker_whose_password_is_wrong_from_the_start_ends_at_once(
    start_server: Callable[..., RunningServer], start_worker: Callable[..., WorkerProcess]
):
    server = start_server()
    with redis.Redis(port=server.port) as client:
        client.config_set("requirepass", "let-me-in")
    worker = start_worker(url=server.url.replace("redis://", "redis://:wrong@"))
    assert worker.wait() == 2
    assert "error: Redis refuses this user or password" in worker.log()
    assert "wrong@" not in worker.log(), "a password is never said"


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "redis+sentinel://127.0.0.1", "redis+sentinel:///mill/0"])
def test_a_url_that_is_none_ends_the_worker_at_once(url: str, start_worker: Callable[..., WorkerProcess]):
    worker = start_worker(url=url)
    assert worker.wait() == 2
    assert "error: the Redis URL cannot be used" in worker.log()
