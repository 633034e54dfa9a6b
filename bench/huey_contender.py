"""huey: threads, and a list of Redis. A task that its worker had when it was killed is lost."""

from bench.peer import Peer

CONTENDER = Peer(name="huey", tasks=10_000, requirements=("huey[redis]==3.5.*", "redis[hiredis]"))
