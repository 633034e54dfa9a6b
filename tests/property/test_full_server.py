"""At the memory limit each way through each script does all of its work; `test_memory` has one call of each, this the others.

The state machine does the same from any state it gets to ("short of memory").
"""

from collections.abc import Callable, Iterator

import pytest
import redis

from lineshaft.errors import ServerFullError
from scripts.mill import fill
from scripts.shard import Shard
from servers import RunningServer

from .test_errors_before_writes import EVERY_CALL, MORE_CALLS

PIECE = b"x" * 65_536
NEED_MEMORY = {"enqueue later"}


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that holds little and forgets nothing for it."""
    running = RunningServer(tmp_path_factory.mktemp("full-server"), "--maxmemory", "12mb", "--maxmemory-policy", "noeviction")
    yield running
    running.stop()


@pytest.fixture
def small(small_server: RunningServer, broker: Callable) -> Iterator[Shard]:
    with redis.Redis.from_url(small_server.url, decode_responses=True, protocol=3) as client:
        yield Shard(client, lambda namespace, **options: broker(namespace, url=small_server.url, **options))


def prepare(shard: Shard, server: RunningServer, call: str, *, is_full: bool) -> None:
    """The mill, and in another database as much as the server takes."""
    shard.raw.config_set("maxmemory", "12mb")
    shard.raw.execute_command("FLUSHALL", "SYNC")  # the memory must be free again before the mill is built
    fill(shard, call)
    if not is_full:
        return
    with redis.Redis(port=server.port, db=1) as ballast, pytest.raises(redis.OutOfMemoryError):
        for n in range(1000):
            ballast.set(f"ballast:{n}", PIECE)
    used = shard.raw.info("memory")["used_memory"]
    shard.raw.config_set("maxmemory", used - len(PIECE))  # buffers of clients come and go


@pytest.mark.parametrize("call", [name for name in MORE_CALLS if name not in NEED_MEMORY])
def test_what_ends_frees_or_protects_work_does_all_of_it(small: Shard, small_server: RunningServer, call: str):
    seen = []
    for is_full in (False, True):
        prepare(small, small_server, call, is_full=is_full)
        seen.append(small.observe(EVERY_CALL[call], small))

    assert seen[0] == seen[1]


@pytest.mark.parametrize("call", ["enqueue", *NEED_MEMORY])
def test_an_enqueue_is_refused_whole(small: Shard, small_server: RunningServer, call: str):
    prepare(small, small_server, call, is_full=True)

    assert small.refused(ServerFullError, EVERY_CALL[call], small) == {}
