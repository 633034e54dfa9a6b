"""All mutants. What is a mutant nowhere, and why, stands below.

Equivalent, so left out: `finish` without its first write, for the write that follows (HDEL) passes the memory limit as well.
"""

from . import in_scripts, in_workers

TABLE = (*in_scripts.TABLE, *in_workers.TABLE)
