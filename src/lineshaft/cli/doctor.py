"""`lineshaft doctor`: examines the server and what stands in it, and says in words what could be lost with its settings."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import typer

from lineshaft.cli.chosen import with_app
from lineshaft.cli.options import AppOption, JsonOption, RedisUrlOption
from lineshaft.cli.output import print_json, print_table

if TYPE_CHECKING:
    from lineshaft.app import App
    from lineshaft.inspection.checkup import Facts

OK, WARNING, WRONG, UNKNOWN = "ok", "warning", "wrong", "cannot verify"
COLUMNS = ("check", "state", "found")
OLDEST = (6, 2)
FULL = 0.9  # of the memory limit
SLOW_MS, TOO_SLOW_MS = 10, 500
SKEW_MS = 2000
SHOWN = 3
ASK_FOR_CONFIG = "this user may not read CONFIG; ask whoever runs the server"
ASK_FOR_INFO = "this user may not read INFO; ask whoever runs the server"


@dataclass(frozen=True)
class Check:
    """One finding: how it is, and in words what was found and what to do."""

    check: str
    state: str
    found: str


def doctor(
    context: typer.Context, as_json: JsonOption = False, app: AppOption = None, redis_url: RedisUrlOption = None
) -> None:
    """Examine the server: version, persistence, eviction, memory, clock, latency, workers, and tasks that got stuck.

    Says what could be lost with the settings found. Exits with 1 where something is wrong; a warning alone is 0.
    """

    async def work(loaded: "App") -> "Facts":
        return await loaded.client.checkup.facts()

    facts = with_app(context, app, redis_url, work)
    checks, losses = [rule(facts) for rule in RULES], losses_of(facts)
    is_well = all(check.state != WRONG for check in checks)
    if as_json:
        print_json({"well": is_well, "checks": [asdict(check) for check in checks], "could_be_lost": losses})
    else:
        print_table(COLUMNS, [asdict(check) for check in checks], nothing="")
        typer.echo("\nWhat could be lost with these settings:")
        for loss in losses:
            typer.echo(f"- {loss}")
    if not is_well:
        raise typer.Exit(1)


def version(facts: "Facts") -> Check:
    """Redis 6.2 or later, or any Valkey."""
    if facts.info is None:
        return Check("version", UNKNOWN, ASK_FOR_INFO)
    name, number = "Redis", facts.info.get("redis_version", "")
    if valkey := facts.info.get("valkey_version"):
        return Check("version", OK, f"Valkey {valkey}")
    parts = tuple(int(part) for part in number.split(".")[:2] if part.isdigit())
    if parts < OLDEST:
        return Check("version", WRONG, f"{name} {number} is too old: Lineshaft needs 6.2 or later, or Valkey")
    return Check("version", OK, f"{name} {number}")


def writes(facts: "Facts") -> Check:
    """Whether it takes any."""
    if facts.write_refusal is not None:
        return Check("writes", WRONG, facts.write_refusal)
    return Check("writes", OK, "are taken")


def persistence(facts: "Facts") -> Check:
    """What of it is on disk, and whether the last attempts to put it there worked."""
    info = facts.info
    if info is None:
        return Check("persistence", UNKNOWN, ASK_FOR_INFO)
    if info.get("aof_enabled") == "1":
        if info.get("aof_last_write_status", "ok") != "ok":
            return Check("persistence", WRONG, "the last write of the append-only file failed: look at the disk and its log")
        if facts.config is None:
            return Check("persistence", UNKNOWN, f"append-only file; how often it is flushed: {ASK_FOR_CONFIG}")
        return Check("persistence", OK, f"append-only file, flushed {FLUSHED.get(appendfsync(facts), 'at some time')}")
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        return Check("persistence", WRONG, "the last snapshot failed: look at the disk and the server's log")
    if facts.config is None:
        return Check("persistence", UNKNOWN, f"no append-only file; whether there are snapshots: {ASK_FOR_CONFIG}")
    if facts.config.get("save"):
        return Check("persistence", WARNING, "snapshots alone: CONFIG SET appendonly yes keeps the last second too")
    return Check("persistence", WRONG, "none: a restart loses every task; CONFIG SET appendonly yes")


def eviction(facts: "Facts") -> Check:
    """Whether the server throws keys away when its memory is full."""
    if facts.info is None:
        return Check("eviction", UNKNOWN, ASK_FOR_INFO)
    policy, has_limit = facts.info.get("maxmemory_policy", "?"), facts.info.get("maxmemory", "0") != "0"
    if policy == "noeviction":
        return Check("eviction", OK, "noeviction: new work is refused when memory is full, and nothing is thrown away")
    if not has_limit:
        return Check("eviction", WARNING, f"{policy}, without a limit so far: CONFIG SET maxmemory-policy noeviction")
    return Check("eviction", WRONG, f"{policy} throws keys away when memory is full: CONFIG SET maxmemory-policy noeviction")


def memory(facts: "Facts") -> Check:
    """How much of its limit is used."""
    if facts.info is None:
        return Check("memory", UNKNOWN, ASK_FOR_INFO)
    used, limit = (int(facts.info.get(name, 0)) for name in ("used_memory", "maxmemory"))
    if not limit:
        return Check("memory", OK, f"{megabytes(used)} used, no limit")
    found = f"{megabytes(used)} of {megabytes(limit)} used"
    if used > limit:
        return Check("memory", WRONG, f"{found}: new work is refused; raise maxmemory, or work off what waits")
    if used > FULL * limit:
        return Check("memory", WARNING, f"{found}: new work is soon refused; raise maxmemory, or work off what waits")
    return Check("memory", OK, found)


def role(facts: "Facts") -> Check:
    """Whether it is the one that takes writes, and how many copies there are."""
    if facts.info is None:
        return Check("role", UNKNOWN, ASK_FOR_INFO)
    if facts.info.get("role") == "slave":
        return Check("role", WRONG, "a replica, which takes no writes: give the master's URL, or one of Sentinel")
    return Check("role", OK, f"master, {facts.info.get('connected_slaves', '0')} replicas")


def clock(facts: "Facts") -> Check:
    """Against ours. Only what is shown depends on it: every decision is by the server's clock."""
    skew_s = facts.clock_ahead_ms / 1000
    found = f"{abs(skew_s):.3f} s {'ahead of' if skew_s >= 0 else 'behind'} this machine's"
    if abs(facts.clock_ahead_ms) > SKEW_MS:
        return Check("clock", WARNING, f"{found}: times that are shown do not fit together; set both by NTP")
    return Check("clock", OK, found)


def latency(facts: "Facts") -> Check:
    """How long one short call takes."""
    found = f"{facts.latency_ms:.1f} ms a call, {facts.slowest_ms:.1f} ms the slowest of some"
    if facts.latency_ms > TOO_SLOW_MS:
        return Check("latency", WRONG, f"{found}: renewals of leases come late; have the server nearer")
    if facts.latency_ms > SLOW_MS:
        return Check("latency", WARNING, f"{found}: each claim and each end pays it")
    return Check("latency", OK, found)


def workers(facts: "Facts") -> Check:
    """Sessions with a lease, and those that are over."""
    if not facts.sessions:
        return Check("workers", WARNING, "none lives: start one with `lineshaft worker module:name`")
    if facts.sessions_over:
        return Check(
            "workers", WARNING, f"{facts.sessions} live; {facts.sessions_over} are over, their tasks come back in seconds"
        )
    return Check("workers", OK, f"{facts.sessions} live")


def orphans(facts: "Facts") -> Check:
    """Tasks in progress that no worker of ours has."""
    if facts.orphans is None:
        return Check("orphaned ids", UNKNOWN, "this user may not SCAN; ask whoever runs the server")
    looked = f"looked at {facts.keys_looked_at:,} keys at most"
    if not facts.orphans:
        return Check("orphaned ids", OK, f"none; {looked}")
    named = ", ".join(facts.orphans[:SHOWN]) + (", ..." if len(facts.orphans) > SHOWN else "")
    found = f"{len(facts.orphans)} in progress that no worker of ours has ({named}); {looked}"
    return Check("orphaned ids", WARNING, f"{found}. A foreign consumer that took them must end them")


def strays(facts: "Facts") -> Check:
    """Ids that were pushed and have no word yet, and what can be no id."""
    found = f"{facts.strays} pushed without a status, {facts.set_aside} set aside because they can be no id"
    if facts.strays or facts.set_aside:
        return Check("strays", WARNING, f"{found}: look at the program that pushes them")
    return Check("strays", OK, "none, and nothing set aside")


RULES: tuple[Callable[["Facts"], Check], ...] = (
    version, writes, role, persistence, eviction, memory, clock, latency, workers, orphans, strays,
)  # fmt: skip

FLUSHED = {"always": "before each answer", "everysec": "each second", "no": "when the system likes"}
AOF_LOSSES = {
    "always": "If the server or its machine dies: nothing that was acknowledged, as long as the disk keeps what it flushed.",
    "everysec": "If the machine dies: about the last second, of what was accepted and of what was ended. What was accepted is "
    "lost; what was ended runs again. If the server's process alone dies: next to nothing.",
    "no": "If the machine dies: what the system had not written out, often 30 s, of what was accepted and of what was ended.",
}


def losses_of(facts: "Facts") -> list[str]:
    """What could be lost, in sentences."""
    losses = [disk_loss(facts)]
    if facts.info is None:
        losses.append(f"By a failover: cannot verify; {ASK_FOR_INFO}.")
    elif facts.info.get("connected_slaves", "0") != "0":
        losses.append("By a failover: what the new master had not received yet, often some ms. It was accepted, and is gone.")
    if eviction(facts).state == WRONG:
        losses.append("When memory is full: any task, whatever its status; the server throws keys away.")
    return losses


def disk_loss(facts: "Facts") -> str:
    """What a crash of the server or its machine loses."""
    if facts.info is None:
        return f"By a crash of the server: cannot verify; {ASK_FOR_INFO}."
    if facts.info.get("aof_enabled") == "1":
        unknown = f"If the machine dies: cannot verify how much; {ASK_FOR_CONFIG}."
        return AOF_LOSSES.get(appendfsync(facts), unknown)
    if facts.config is None:
        return f"If the server stops: all since its last snapshot, if it makes any; cannot verify, {ASK_FOR_CONFIG}."
    if facts.config.get("save"):
        return "If the server dies: everything since its last snapshot, which may be many minutes."
    return "If the server stops, for whatever reason: everything."


def appendfsync(facts: "Facts") -> str:
    """How often the append-only file is flushed; nothing where that cannot be read."""
    return (facts.config or {}).get("appendfsync", "")


def megabytes(size: int) -> str:
    """A size for people."""
    return f"{size / 1_048_576:,.1f} MB"
