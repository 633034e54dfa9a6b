"""A small-scope exhaustive search over abstract states of the protocol, held to the Lua by replaying its traces.

Run by hand, with PYTHONPATH=tests: `python -m model` explores every scope, `--deep` with larger budgets, and
`python -m model --flaw NAME` prints the counterexample that is found when that rule is left out.

The files, in the order to read them: `state` (what a state is), `scripts` (one function per Lua file, in its order),
`workers` (the other half), `steps` (everything that can happen next), `invariants`, `liveness`, `explorer`, `scopes`, `flaws`,
`replay` (the same steps on the real scripts).

What is abstracted away: one queue; one task per call of enqueue, finish, fail, release, cancel, retry and watch, so no
batches; bytes, types and memory limits (tests/scripts has them); TTLs, so a digest is kept for ever; counters, wake-up tokens,
the registry of queues and what a session says about itself; ages of history other than "in this tick" and "earlier"; notes
of tasks whose name is unknown; channel messages, which are hints. Time goes in ticks of 61 s. A lease and the gap between two
looks are shorter than a tick, so whatever was set in an earlier tick is over, old or due. A paused process is one that takes
no step while others do, so every interleaving has pauses in it. The claim number is `last + 1`, as it is where the clock
stands still; after a failover it is beyond every earlier one, as it is where the clock does not go back.
"""
