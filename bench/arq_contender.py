"""arq: asyncio, and a sorted set of Redis. A task that its worker had when it was killed runs again."""

from bench.peer import Peer

CONTENDER = Peer(name="arq", tasks=6_000, requirements=("arq==0.28.*", "redis[hiredis]", "uvloop"))
