"""Mutants of how a worker that is told to be quiet or to stop does so."""

from .in_workers import python

ORDERS = "test_orders.py::test_"
ENDS_FOR_GOOD = f"{ORDERS}a_worker_process_that_is_told_to_stop_ends_for_good_and_the_last_one_ends_the_command"

TABLE = (
    python(
        "a-quiet-worker-claims-on",
        "worker/fetcher.py",
        "return 0 if self._lease.order else self._executor.free_slots",
        "return self._executor.free_slots",
        f"{ORDERS}a_quiet_worker_ends_what_it_runs_and_leaves_the_rest_to_another",
    ),
    python(
        "a-quiet-worker-takes-wake-up-tokens",
        "worker/fetcher.py",
        "        elif self._more or self._lease.order:\n",
        "        elif self._more:\n",
        f"{ORDERS}a_quiet_worker_makes_ready_what_is_due_and_takes_no_wake_up_token_from_others",
    ),
    python(
        "a-renewal-passes-on-no-order",
        "worker/lease_keeper.py",
        "            if renewed.order:\n",
        "            if False:\n",
        "unit/test_lease_keeper.py",
    ),
    python(
        "an-order-outlives-its-session",
        "worker/keeper_thread.py",
        'self._lease.lost, self._lease.order = False, ""',
        "self._lease.lost = False",
        f"{ORDERS}an_order_ends_with_the_session_that_it_was_given_to",
    ),
    python(
        "a-worker-that-was-told-to-stop-is-not-waited-for",
        "worker/worker.py",
        "        nothing_left = self._stopping is None or await self._stopping\n",
        "        nothing_left = self._stopping is None or self.lease.order or await self._stopping\n",
        f"{ORDERS}leaving_the_block_waits_for_a_worker_that_was_told_to_stop",
    ),
    python(
        "a-worker-that-was-told-to-stop-is-replaced",
        "worker/supervisor.py",
        "            elif child in self._retired:\n",
        "            elif False:\n",
        ENDS_FOR_GOOD,
    ),
    python(
        "one-worker-that-was-told-to-stop-ends-the-command",
        "worker/supervisor.py",
        "        if len(self._retired) == self._settings.workers:\n",
        "        if len(self._retired) > 0:\n",
        ENDS_FOR_GOOD,
    ),
    python(
        "a-signal-ends-the-grace-of-one-that-was-told-to-stop",
        "worker/child.py",
        '            elif not message["drain"]:\n',
        "            else:\n",
        f"{ORDERS}a_signal_meanwhile_takes_nothing_from_the_grace_of_one_that_was_told_to_stop",
    ),
    python(
        "one-that-does-not-stop-goes-on-for-ever",
        "worker/supervisor.py",
        "            asyncio.get_running_loop().call_later(self._longest_drain_s(self._settings.grace_s), self._kill, child)\n",
        "",
        f"{ORDERS}one_that_does_not_do_as_it_is_told_is_killed_and_that_is_no_crash",
    ),
)
