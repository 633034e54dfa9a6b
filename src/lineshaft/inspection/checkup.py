"""What a checkup of the server and the shard must know: bounded reads alone. What the server refuses to tell is None."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lineshaft.broker.connection import Connection, Part
from lineshaft.clock import monotonic_s, wall_ms
from lineshaft.errors import ConfigurationError, LineshaftError, ServerUnavailableError
from lineshaft.inspection.inspector import Inspector
from lineshaft.model.lifecycle import Status
from lineshaft.protocol.keys import Keys

PINGS = 20
SCANS = 40  # of SCAN_COUNT keys each: as far as orphans are looked for
SCAN_COUNT = 500
CONFIGURED = ("appendonly", "appendfsync", "save", "maxmemory", "maxmemory-policy")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was found. Times in ms, sizes in bytes; `info` and `config` as the server words them, None where it refuses.

    Attributes:
        write_refusal: why the server takes no writes; None where it does.
        clock_ahead_ms: how far its clock is ahead of this machine's.
        latency_ms: the median of some PINGs; `slowest_ms` the worst of them.
        sessions_over: sessions whose lease is over, or that are being emptied.
        orphans: ids in progress that no session owns, among the keys that were looked at; None where SCAN is refused.
    """

    info: dict[str, str] | None
    config: dict[str, str] | None
    write_refusal: str | None
    clock_ahead_ms: int
    latency_ms: float
    slowest_ms: float
    sessions: int
    sessions_over: int
    strays: int
    set_aside: int
    orphans: list[str] | None
    keys_looked_at: int


class Checkup:
    """Examines one shard over one connection. Every method may raise what `Connection.call` raises where it is away."""

    def __init__(self, connection: Connection, keys: Keys, inspector: Inspector) -> None:
        self._connection = connection
        self._keys = keys
        self._inspector = inspector

    async def write_refusal(self) -> str | None:
        """Why the server takes no writes, or cannot be reached; None where it does.

        Raises:
            ConfigurationError: the URL or the user is wrong.
        """
        try:
            await self._inspector.ping()
            await self._if_allowed("SETRANGE", self._keys.clock, 0, "")  # changes nothing, and is refused when memory is full
        except ConfigurationError:
            raise
        except LineshaftError as error:
            return str(error)
        return None

    async def live_sessions(self) -> tuple[int, int]:
        """How many sessions have a lease, and how many are over it or are being emptied."""
        seconds, _ = await self._connection.call("TIME")
        live, all_, suspects, marks = await self._connection.calls([
            ("ZCOUNT", self._keys.sessions, int(seconds) * 1000, "+inf"),
            ("ZCARD", self._keys.sessions),
            ("HLEN", self._keys.suspects),
            ("HVALS", self._keys.suspects),
        ])  # fmt: skip
        emptied = sum(mark in {b"crashed", b"closed"} for mark in marks) if suspects else 0
        return live, all_ - live + emptied

    async def facts(self) -> Facts:
        """Examine all of it; takes some hundred short calls."""
        latencies = await self._latencies()
        sessions, over = await self.live_sessions()
        strays, set_aside = await self._connection.calls([("ZCARD", self._keys.strays), ("LLEN", self._keys.set_aside)])
        orphans, looked_at = await self._orphans()
        return Facts(
            info=await self.info(),
            config=await self._config(),
            write_refusal=await self.write_refusal(),
            clock_ahead_ms=await self._clock_ahead_ms(),
            latency_ms=statistics.median(latencies),
            slowest_ms=max(latencies),
            sessions=sessions,
            sessions_over=over,
            strays=strays,
            set_aside=set_aside,
            orphans=orphans,
            keys_looked_at=looked_at,
        )

    async def _if_allowed(self, *command: Part) -> Any:
        """The reply to a command, or None where this user or this server has it not."""
        try:
            return await self._connection.call(*command)
        except ServerUnavailableError:
            raise
        except LineshaftError:
            return None

    async def info(self) -> dict[str, str] | None:
        """What the server says of itself, as names and values; None where this user may not ask."""
        text: bytes | None = await self._if_allowed("INFO")
        if text is None:
            return None
        lines = (line.partition(":") for line in text.decode(errors="replace").splitlines() if not line.startswith("#"))
        return {name: value for name, colon, value in lines if colon}

    async def _config(self) -> dict[str, str] | None:
        """The settings that matter, one at a time: Redis 6.2 takes no more."""
        found: dict[str, str] = {}
        for name in CONFIGURED:
            pairs = await self._if_allowed("CONFIG", "GET", name)
            if pairs is None:
                return None
            found |= {key.decode(): value.decode(errors="replace") for key, value in pairs.items()}
        return found

    async def _latencies(self) -> list[float]:
        """How long some PINGs took, in ms."""
        taken: list[float] = []
        await self._connection.call("PING")
        for _ in range(PINGS):
            begun_s = monotonic_s()
            await self._connection.call("PING")
            taken.append(1000 * (monotonic_s() - begun_s))
        return taken

    async def _clock_ahead_ms(self) -> int:
        """The server's clock against ours, half of the way back and forth taken off."""
        asked_ms = wall_ms()
        seconds, microseconds = await self._connection.call("TIME")
        return int(seconds) * 1000 + int(microseconds) // 1000 - (asked_ms + wall_ms()) // 2

    async def _orphans(self) -> tuple[list[str] | None, int]:
        """Ids in progress that no session owns, and how many keys were looked at to find them."""
        before, after = self._keys.status("*").split("*")
        pattern = "".join(f"\\{c}" if c in "*?[]\\" else c for c in before) + "*" + after
        in_progress: list[str] = []
        cursor, looked_at = b"0", 0
        for _ in range(SCANS):
            scanned = await self._if_allowed("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
            if scanned is None:
                return None, looked_at
            cursor, names = scanned
            looked_at += SCAN_COUNT
            in_progress += await self._in_progress([name.decode(errors="replace")[len(before) : -len(after)] for name in names])
            if cursor == b"0":
                break
        owned = await self._inspector.claims() if in_progress else {}
        return await self._in_progress([task_id for task_id in in_progress if task_id not in owned]), looked_at

    async def _in_progress(self, task_ids: Sequence[str]) -> list[str]:
        words = await self._inspector.statuses(list(task_ids)) if task_ids else []
        return [task_id for task_id, word in zip(task_ids, words, strict=True) if word == Status.IN_PROGRESS]
