"""At the memory limit: new work is refused whole, and everything that ends, frees or protects work goes on."""

from collections.abc import Callable, Iterator

import pytest
import redis

from lineshaft.broker.broker import NewTask, Try
from lineshaft.errors import ServerFullError
from lineshaft.protocol.reply import Ended
from servers import RunningServer

from .keyspace import complaints
from .mill import CALLS, FAILED, evidence, fill
from .shard import Shard, done_outcome, envelope_of

KEEP_ON = [name for name in CALLS if name not in {"enqueue", "watch"}]


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own, whose limit a test may set."""
    running = RunningServer(tmp_path_factory.mktemp("small-server"), "--maxmemory-policy", "noeviction")
    yield running
    running.stop()


@pytest.fixture
def make_small(small_server: RunningServer, broker: Callable) -> Iterator[Callable[..., Shard]]:
    """Make shards there; the server is empty and without a limit at first."""
    with redis.Redis.from_url(small_server.url, decode_responses=True, protocol=3) as client:
        client.config_set("maxmemory", 0)
        client.flushall()
        yield lambda **settings: Shard(
            client, lambda namespace, **options: broker(namespace, url=small_server.url, **options), **settings
        )


def limit(shard: Shard, room: int = 0) -> None:
    """Set the server's limit to what it uses now and some room; without any, to what it already uses more than."""
    used = shard.raw.info("memory")["used_memory"]
    shard.raw.config_set("maxmemory", used + room if room else 1)


@pytest.mark.parametrize("call", KEEP_ON)
def test_a_full_server_changes_nothing_about_a_call(make_small, call: str):
    outcomes = []
    for full in (False, True):
        shard = make_small()
        shard.raw.config_set("maxmemory", 0)
        shard.raw.flushall()
        fill(shard, call)
        if full:
            limit(shard)
        outcomes.append(shard.observe(CALLS[call], shard))

    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "tasks",
    [
        [NewTask("n1", "default", envelope_of("n1"))],
        [NewTask("n1", "default", envelope_of("n1"), delay_ms=5)],
        [NewTask("n1", "default", envelope_of("n1"), keep_digest=True), NewTask("n2", "mail", envelope_of("n2"))],
        [NewTask("done1", "default", envelope_of("done1")), NewTask("n1", "default", envelope_of("n1"))],
        [NewTask("n1", "default", envelope_of("n1")), NewTask("n1", "default", envelope_of("n1"))],
    ],
    ids=["ready", "due later", "with a digest", "one is known", "twice in the batch"],
)
def test_a_full_server_refuses_an_enqueue_whole(make_small, tasks: list[NewTask]):
    shard = make_small()
    fill(shard)
    limit(shard)

    assert shard.refused(ServerFullError, shard.broker.enqueue, tasks) == {}


def test_a_full_server_still_says_that_a_task_is_known(make_small):
    """So whoever sends an enqueue again after a lost reply is not told that it was refused."""
    shard = make_small()
    fill(shard)
    limit(shard)
    known = NewTask("r1", "default", envelope_of("r1"))

    assert shard.observe(shard.broker.enqueue, [known]) == (["same"], {})


def test_a_full_server_still_answers_about_ends_beside_ids_that_nobody_can_watch_now(make_small):
    """Who waits for the others asks again by itself."""
    shard = make_small()
    fill(shard)
    limit(shard)

    assert shard.broker.watch("x", ["done1", "r1", "r2"])[1:] == ["watching", "watching"]
    assert shard.broker.watch("x", ["done1", "nobody"]) == [Ended("done", shard.raw.get("task:done1:result").encode()), "gone"]


def test_a_server_that_fills_up_takes_work_again_once_work_has_ended(make_small):
    shard = make_small(done_kept=0)
    shard.session("s", lease_ms=3_600_000)
    limit(shard, room=300_000)
    accepted = enqueue_until_refused(shard)
    assert shard.raw.llen("task_queue") == len(accepted) > 0, "a batch that was refused left something"

    ended = []
    while claims := shard.broker.claim("s", 500, ["default"]).claims:
        batch = [(claim.task_id, claim.token, done_outcome()) for claim in claims]
        assert set(shard.broker.finish("s", batch)) == {"done"}
        ended += [claim.task_id for claim in claims]
    assert ended == accepted
    assert complaints(shard.raw, shard.keys) == []

    shard.pass_ms(20_000)
    while shard.raw.exists("lineshaft:ended:done"):
        shard.broker.finish("s", [])
    assert shard.broker.enqueue([NewTask("again", "default", envelope_of("again"))]) == ["created"]


def enqueue_until_refused(shard: Shard) -> list[str]:
    accepted: list[str] = []
    for n in range(10_000):
        batch = [NewTask(f"t{n}-{i}", "default", envelope_of(f"t{n}-{i}")) for i in range(50)]
        try:
            shard.broker.enqueue(batch)
        except ServerFullError:
            return accepted
        accepted += [task.task_id for task in batch]
    pytest.fail("the server takes everything")


def test_a_large_outcome_is_stored_at_a_full_server(make_small):
    shard = make_small()
    token = shard.claimed("a", "b")
    limit(shard)

    assert shard.broker.finish("s", [("a", token, done_outcome(b'"%b"' % (b"x" * 1_000_000)))]) == ["done"]
    assert shard.broker.fail("s", [Try("b", token, evidence(), None, FAILED)]) == ["failed"]


def test_a_claim_without_a_free_slot_passes_the_wake_up_token_on_at_a_full_server(make_small):
    shard = make_small()
    shard.session("s")
    shard.ready("a")
    limit(shard)

    assert shard.broker.claim("s", 0, ["default"]).more
    assert shard.raw.exists("lineshaft:wake:default")
