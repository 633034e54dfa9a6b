"""All mutants. What is a mutant nowhere, and why, stands here.

Equivalent, for something else holds the same, or nothing but speed depends on it:

- `finish`, `fail` and `release` without their first write: the one that follows (HDEL) passes the memory limit as well, so
  what stands in its place is a write that the limit refuses.
- `enqueue` that never takes its quick path: the path per task answers the same.
- A wake-up token that is not left for a queue that is paused: nobody may claim from it, and whoever lets it go on finds its
  tasks at the next look. (That a claim leaves none is tested; else two idle workers would wake each other without end.)
- A fetcher that does not look at its own lease before it claims: the script refuses the claim.
- A child without the kernel's promise to end it with its supervisor, or without the end of the line: each does it alone.
- A table keyed by id alone is two mutants of the reconciler, where the difference shows.
"""

from . import in_orders, in_scripts, in_workers

TABLE = (*in_scripts.TABLE, *in_workers.TABLE, *in_orders.TABLE)
