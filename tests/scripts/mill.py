"""A shard in the middle of its work, with something in every key of the schema, and one call of each script for it."""

from collections.abc import Callable
from typing import Any

from key_schema import row_of, schema
from lineshaft.broker.broker import NewTask, Return, Try
from lineshaft.model.outcome import Attempt
from lineshaft.protocol import wire

from .shard import DAY_MS, NOW_MS, Shard, digest_of, done_outcome, envelope_of

OTHER_QUEUE = "other"
FAILED = wire.encode_failed(NOW_MS, NOW_MS - 5, "s", 3, 0, wire.Failure("ValueError", "no"))


def fill(shard: Shard, call: str = "") -> None:
    """Sessions: `s` and `t` live, `d` is over and was suspect for long enough, `e` is being emptied unless a call must look."""
    with shard.seeded_at_once():
        fill_in(shard)
        if call != "reap look":
            shard.raw.zrem(shard.keys.sessions, "e")
            shard.raw.hset(shard.keys.suspects, "e", "crashed")


def fill_in(shard: Shard) -> None:
    raw, keys = shard.raw, shard.keys
    shard.session("s")
    shard.session("t")
    shard.session("d", over_for_ms=20_000)
    shard.session("e")
    raw.hset(keys.suspects, "d", NOW_MS - 9000)

    shard.claimed("run1", "run2", "stop1", session="s")
    shard.claimed("mail1", session="s", queue="mail")
    shard.claimed("t1", session="t")
    shard.claimed("d1", session="d")
    shard.claimed("d2", session="d", queue="mail")
    shard.claimed("e1", session="e")
    raw.sadd(keys.cancelling, "stop1")
    raw.hset(keys.watched, mapping={"run1": keys.watch_channel("x"), "stop1": keys.watch_channel("x")})
    raw.hset(keys.tries, mapping={"run2": 1, "r1": 1})
    raw.hset(keys.crashes, mapping={"run2": 1, "d1": 1})
    raw.rpush(keys.attempts("run2"), evidence())

    shard.ready("r1", "r2", "r3")
    shard.ready("m1", "m2", queue="mail")
    shard.ready("p1", queue="paused")
    raw.sadd(keys.paused, "paused")
    raw.rpush(keys.task_queue, "not an id", "without-a-word")

    shard.scheduled("due1", due_ms=NOW_MS - 10)
    shard.scheduled("later1", due_ms=NOW_MS + 60_000)
    shard.scheduled("due2", due_ms=NOW_MS - 10, queue="mail")
    raw.zadd(keys.strays, {"stray1": NOW_MS - 2000})
    raw.set(keys.status("stray1"), "pending")
    raw.rpush(keys.set_aside, "something else")

    for word in ("done", "failed", "cancelled", "expired"):
        shard.ended(f"{word}1", f"{word}2", word=word, ended_ms=NOW_MS - 30_000)
    raw.set(keys.digest("done1"), digest_of(envelope_of("done1")), px=DAY_MS)
    raw.set(keys.clock, NOW_MS * 1000 - 5)
    raw.rpush(keys.wake("mail"), "1")
    raw.hset(keys.stats(NOW_MS // 60_000), "enqueued", 9)
    raw.expire(keys.stats(NOW_MS // 60_000), 86_400)


def evidence() -> bytes:
    return wire.encode_attempt(Attempt(v=1, kind="error", at_ms=NOW_MS, claim=7))


def enqueue(shard: Shard) -> Any:
    batch = [
        NewTask("new1", "default", envelope_of("new1")),
        NewTask("new2", "mail", envelope_of("new2", "mail")),
        NewTask("new3", "default", envelope_of("new3"), delay_ms=5000),
        NewTask("new4", "mail", envelope_of("new4", "mail"), keep_digest=True),
        NewTask("done1", "default", envelope_of("done1")),
    ]
    return shard.broker.enqueue(batch)


def fail(shard: Shard) -> Any:
    tries = [
        Try("run1", b"7:default", evidence(), 4000, FAILED),
        Try("run2", b"7:default", evidence(), None, FAILED),
        Try("stop1", b"7:default", evidence(), 4000, FAILED),
        Try("mail1", b"7:mail", evidence(), 4000, FAILED),
    ]
    return shard.broker.fail("s", tries)


def release(shard: Shard) -> Any:
    returns = [
        Return("run1", b"7:default"),
        Return("run2", b"7:default", 4000, evidence() + b" "),
        Return("stop1", b"7:default"),
        Return("mail1", b"7:mail"),
    ]
    return shard.broker.release("s", returns)


# One call of each script, and the id whose own keys a test may damage for it.
CALLS: dict[str, Callable[[Shard], Any]] = {
    "open": lambda shard: shard.broker.open("new", 15, {"pid": 12, "lease_ms": 15_000}),
    "close": lambda shard: shard.broker.close("s"),
    "enqueue": enqueue,
    "claim": lambda shard: shard.broker.claim("s", 10, ["default", "mail", "paused"], look_around=True),
    "finish": lambda shard: shard.broker.finish(
        "s", [(name, b"7:default", done_outcome()) for name in ("run1", "run2", "stop1")]
    ),
    "fail": fail,
    "release": release,
    "renew": lambda shard: shard.broker.renew({"s": 15, "t": 15}),
    "reap": lambda shard: shard.broker.reap(),
    "reap look": lambda shard: shard.broker.reap(),
    "reap died": lambda shard: shard.broker.reap("s"),
    "promote": lambda shard: shard.broker.promote(["default", "mail"]),
    "cancel": lambda shard: shard.broker.cancel("r1"),
    "cancel running": lambda shard: shard.broker.cancel("run1"),
    "retry": lambda shard: shard.broker.retry("failed1", "default", 0),
    "pause": lambda shard: shard.broker.pause("mail"),
    "resume": lambda shard: shard.broker.resume("paused"),
    "order": lambda shard: shard.broker.order("s", "stop"),
    "watch": lambda shard: shard.broker.watch(shard.keys.watch_channel("y"), ["run1", "done1", "nobody"]),
}
ABOUT = {
    "enqueue": "new1",
    "claim": "r1",
    "reap": "e1",
    "reap look": "d1",
    "promote": "due1",
    "cancel": "r1",
    "retry": "failed1",
}


def key_of(row: str, shard: Shard, call: str) -> str:
    """The key of that row of the schema that has to do with a call."""
    name = row.replace("<queue>", "mail").replace("<state>", "failed" if call == "retry" else "done")
    name = name.replace("<id>", ABOUT.get(call, "run1")).replace("<minute>", str(NOW_MS // 60_000))
    return shard.keys.prefix + name.replace("<s>", {"open": "new", "reap": "e", "reap look": "d"}.get(call, "s"))


def damage(shard: Shard, key: str) -> None:
    """Give a key a type that the schema does not give it."""
    kind = schema()[row_of(key, shard.keys.prefix)].kind
    shard.raw.delete(key)
    if kind == "string":
        shard.raw.rpush(key, "wrong")
    else:
        shard.raw.set(key, "wrong")
