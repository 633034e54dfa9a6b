"""Mutants of what runs tasks and what calls Redis: connections, producers, workers, supervisors, the API."""

from .mutant import Mutant


def python(name: str, file: str, old: str, new: str, *tests: str) -> Mutant:
    """A mutant of a module, and the tests that must notice it, from `tests/integration` on unless they name a folder."""
    named = (test if "/" in test else f"integration/{test}" for test in tests)
    return Mutant(name, file, old, new, tuple(named))


CONNECTION = "broker/connection.py"
CONNECTIONS = "test_connections.py::test_"
CALLS = (
    python(
        "connection-repeats-a-call-by-itself",
        CONNECTION,
        "if not self._repeats or isinstance(error, ServerFullError):",
        "if isinstance(error, ServerFullError):",
        "test_lost_calls.py",
    ),
    python(
        "connection-is-used-again-after-a-timeout",
        CONNECTION,
        "        except TimeoutError as error:\n            await self._drop()\n",
        "        except TimeoutError as error:\n",
        "test_lost_calls.py",
    ),
    python(
        "connection-is-used-again-after-a-cancel",
        CONNECTION,
        "        except BaseException:\n            await self._drop()\n",
        "        except BaseException:\n",
        f"{CONNECTIONS}a_call_that_is_cancelled_never_leaves_its_reply_to_another",
    ),
    python(
        "connection-is-kept-after-readonly",
        CONNECTION,
        "                await self._drop()  # a demoted server stays",
        "                pass  # a demoted server stays",
        "test_lost_calls.py",
    ),
    python(
        "connection-that-ended-is-written-to",
        CONNECTION,
        "if request and self._link is not None and await self._link.can_read():",
        "if False:",
        "test_lost_calls.py",
    ),
    python(
        "a-call-that-was-sent-counts-as-not-sent",
        CONNECTION,
        "                sent = True\n",
        "",
        "test_outages.py::test_an_enqueue_without_a_server_is_refused_in_time_and_says_whether_it_may_have_been_accepted",
    ),
    python(
        "blocking-call-on-the-command-connection",
        "worker/worker.py",
        'Wakeups(self._connection("wake"), keys)',
        "Wakeups(broker.connection, keys)",
        "test_queues.py::test_a_delayed_task_starts_when_it_is_due_and_not_before",
    ),
    python(
        "enqueue-answers-before-it-is-written",
        "client.py",
        "            self._sender = asyncio.create_task(self._send())\n        return await future",
        '            self._sender = asyncio.create_task(self._send())\n        return "created"',
        "api/test_redis_away.py",
    ),
    python(
        "enqueue-is-not-sent-again",
        "client.py",
        "if monotonic_s() + delay_s < give_up_s:",
        "if False:",
        f"{CONNECTIONS}an_enqueue_whose_reply_is_lost_is_sent_again_and_makes_one_task",
    ),
    python(
        "enqueue-of-unknown-outcome-is-said-to-be-refused",
        "client.py",
        "                elif sent:\n",
        "                elif False:\n",
        "test_outages.py::test_an_enqueue_without_a_server_is_refused_in_time_and_says_whether_it_may_have_been_accepted",
    ),
    python(
        "waiter-never-asks-again",
        "broker/watcher.py",
        "if monotonic_s() >= all_at_s:",
        "if False:",
        "test_lost_calls.py",
    ),
    python(
        "waiter-never-hears-a-message",
        "broker/watcher.py",
        "        if ended.outcome is not None:\n            self._answer(task_id, ended)",
        "        if ended.outcome is not None:\n            pass",
        "test_results.py::test_the_result_comes_by_push_and_not_by_asking_again_and_again",
    ),
    python(
        "api-accepts-other-content-under-a-known-id",
        "app.py",
        '        if word == "conflict":\n',
        '        word = "same" if word == "conflict" else word\n        if word == "never":\n',
        "api/test_create_refusals.py",
    ),
    python(
        "api-says-201-to-a-repeat",
        "api/fast_pair.py",
        "if task.created is False:",
        "if task.created is None:",
        "api/test_create_task.py",
    ),
    python(
        "an-id-that-was-given-is-not-remembered",
        "api/new_task.py",
        "remembered=given is not None,",
        "remembered=False,",
        "api/test_create_task.py",
    ),
    python(
        "two-calls-at-once-on-one-connection",
        CONNECTION,
        "        async with self._turn:\n            request, limit_s",
        "        if True:\n            request, limit_s",
        "test_lost_calls.py",
    ),
)

CLAIMS = (
    python(
        "lost-claim-reply-is-not-reconciled",
        "worker/fetcher.py",
        "        self._reconcile_at_s = 0.0  # the claim may have been made, and its reply lost: compare before the next\n",
        "",
        "test_lost_calls.py",
    ),
    python(
        "drain-forgets-a-claim-in-flight",
        "worker/fetcher.py",
        "        if answer.claims:\n",
        "        if answer.claims and not self._stopping:\n",
        "test_lost_calls.py",
    ),
    python(
        "drain-gives-up-a-claim-in-flight",
        "worker/fetcher.py",
        "        if self._task is not None:\n            await self._task\n",
        "",
        "test_lost_calls.py",
    ),
    python(
        "more-are-claimed-than-there-are-slots",
        "worker/fetcher.py",
        "min(self._free_slots, self._at_once)",
        "self._at_once",
        "test_queues.py::test_never_more_run_at_once_than_there_are_slots_and_all_slots_are_used",
    ),
    python(
        "a-free-slot-waits-for-all-the-others",
        "worker/fetcher.py",
        "(self._more and self._free_slots > 0)",
        "(self._more and self._free_slots == self._executor.concurrency)",
        "test_slots.py",
    ),
    python(
        "a-wake-up-token-wakes-nobody",
        "worker/waking.py",
        "            self._waking.token = queue\n            self._waking.poke()\n",
        "",
        "test_lost_calls.py",
    ),
    python(
        "reconcile-beside-an-unanswered-claim",
        "worker/fetcher.py",
        "        answer = await self._broker.claim(session, slots, queues, look_around=look)\n",
        "        claim = asyncio.ensure_future(self._broker.claim(session, slots, queues, look_around=look))\n"
        "        await asyncio.gather(claim, self._reconciler.run_once(session))\n"
        "        answer = claim.result()\n",
        f"{CONNECTIONS}a_claim_whose_reply_is_lost_is_handed_back_and_its_tasks_run_once",
    ),
    python(
        "reconcile-runs-what-it-reads",
        "worker/fetcher.py",
        "            await self._reconciler.run_once(self._lease.session)\n",
        "            from lineshaft.protocol import reply\n"
        "            session, call = self._lease.session, self._broker.connection.call\n"
        "            owned = (await self._reconciler._inspector.owned(session)).items() - self._executor._table.keys()\n"
        "            for task_id, token in owned:\n"
        "                envelope = await call('GET', self._broker.keys.envelope(task_id))\n"
        "                claim = reply.Claim(task_id, token, envelope, 0, 0)\n"
        "                self._executor.start(session, int(token.partition(b':')[0]), [claim])\n",
        "test_reconciling.py",
    ),
    python(
        "reconcile-knows-what-it-runs-by-id-alone",
        "worker/reconciler.py",
        "unknown = owned - known",
        "unknown = {pair for pair in owned if self._table.get(pair[0]) is None}",
        "test_reconciling.py",
    ),
    python(
        "reconcile-knows-what-it-owns-by-id-alone",
        "worker/reconciler.py",
        "for key in expected - owned:",
        "for key in (key for key in expected if key[0] not in dict(owned)):",
        "test_reconciling.py",
    ),
    python(
        "reconcile-hands-back-what-has-ended",
        "worker/reconciler.py",
        "unknown = owned - known",
        "unknown = owned - expected",
        "test_reconciling.py",
    ),
    python(
        "reconcile-lets-go-on-what-is-not-owned",
        "worker/reconciler.py",
        "for key in expected - owned:",
        "for key in ():",
        "test_reconciling.py",
    ),
    python(
        "dead-sessions-are-never-looked-for",
        "worker/worker.py",
        "            self._reaper.tell()\n",
        "            pass\n",
        "test_sessions.py::test_a_worker_that_dies_without_a_word_is_reaped_and_its_tasks_run_elsewhere",
    ),
    python(
        "due-tasks-wait-for-the-next-look",
        "worker/promoter.py",
        "if due_at_s < self._due_at_s:",
        "if due_at_s < 0:",
        "test_queues.py::test_a_delayed_task_starts_when_it_is_due_and_not_before",
    ),
)

RETRIES = "test_retries.py::test_"
POLICIES = "test_policies.py::test_"
RUNS = (
    python(
        "executor-ignores-that-its-lease-is-lost",
        "worker/worker.py",
        '            self._executor.stop_all(Stop.LOST)\n            self.signals.emit("lost"',
        '            self.signals.emit("lost"',
        "test_lost_leases.py",
    ),
    python(
        "an-older-run-goes-on-beside-the-newer",
        "worker/executor.py",
        "                older.ask_to_stop(Stop.LOST)\n",
        "                pass\n",
        "test_reconciling.py",
    ),
    python(
        "a-loss-does-not-overrule-a-cancel",
        "worker/run.py",
        "if self.stop is Stop.LOST or (self.stop is not None and reason is not Stop.LOST):",
        "if self.stop is not None:",
        "unit/test_run.py",
    ),
    python(
        "a-thread-past-its-limit-gives-its-slot-back",
        "worker/executor.py",
        "                run.ask_to_stop(Stop.TIMEOUT)\n",
        "                run.ask_to_stop(Stop.TIMEOUT)\n                self._table.end(run)\n",
        f"{RETRIES}a_thread_past_its_limit_sees_it_and_keeps_its_slot_and_its_claim_until_it_returns",
    ),
    python(
        "a-run-has-no-time-limit",
        "worker/executor.py",
        "if run.deadline_s <= now_s:",
        "if False:",
        f"{RETRIES}what_a_task_returns_after_its_limit_does_not_count",
    ),
    python(
        "done-for-an-exception",
        "worker/executor.py",
        "end = self._ending.raised(run, session, error)",
        "end = self._ending.returned(run, session, None)",
        f"{POLICIES}an_error_that_the_policy_gives_up_on_ends_the_task_at_once",
    ),
    python(
        "one-try-more-than-allowed",
        "model/retry.py",
        "if failed_try >= self.tries or",
        "if failed_try > self.tries or",
        f"{POLICIES}a_failing_task_is_tried_as_often_as_its_policy_says_and_then_fails",
        "unit/test_retry.py",
    ),
    python(
        "the-end-of-a-run-is-its-start",
        "worker/end.py",
        "return run.started_ms + round((monotonic_s() - run.started_s) * 1000)",
        "return run.started_ms",
        "unit/test_run.py",
    ),
    python(
        "a-cancelled-run-is-done-with-what-it-returned",
        "worker/end.py",
        "    def returned(self, run: Run, session: str, value: Any) -> End:\n"
        '        """The run returned."""\n'
        "        if run.stop is not None:\n",
        "    def returned(self, run: Run, session: str, value: Any) -> End:\n"
        '        """The run returned."""\n'
        "        if run.stop is Stop.LOST:\n",
        "test_cancel.py::test_a_thread_that_is_cancelled_sees_it_and_whatever_it_returns_it_was_cancelled",
    ),
    python(
        "a-drain-costs-a-try",
        "worker/end.py",
        "        if why is Stop.DRAIN:\n",
        "        if False:\n",
        "test_stress.py::test_what_does_not_end_within_the_grace_of_a_worker_in_a_loop_goes_back_uncounted",
    ),
    python(
        "a-drain-hands-nothing-back",
        "worker/worker.py",
        "        self._executor.stop_all(Stop.DRAIN)\n",
        "",
        "test_stress.py::test_what_does_not_end_within_the_grace_of_a_worker_in_a_loop_goes_back_uncounted",
    ),
    python(
        "a-drain-does-not-wait-for-the-last-ends",
        "worker/worker.py",
        "delivered = await self._finisher.flush(FLUSH_S)",
        "delivered = True",
        "test_lost_calls.py",
    ),
    python(
        "any-number-of-ends-waits-in-memory",
        "worker/executor.py",
        "        if undelivered > UNDELIVERED_PER_SLOT * self.concurrency + UNDELIVERED_AT_LEAST:\n            return 0\n",
        "        del undelivered\n",
        "unit/test_run.py",
    ),
    python(
        "finisher-drops-what-it-could-not-send",
        "worker/finisher.py",
        '        return f"results wait in memory',
        '        self._waiting.clear()\n        return f"results wait in memory',
        "test_lost_calls.py",
    ),
    python(
        "a-task-that-nobody-knows-waits-for-ever",
        "worker/finisher.py",
        'undone.append(msgspec.structs.replace(end, kind="fail", returned=None))',
        "undone.append(end)",
        "test_queues.py::test_a_task_that_no_worker_knows_fails_after_its_time",
    ),
    python(
        "a-message-alone-stops-a-task",
        "worker/canceller.py",
        "        if marked:\n",
        "        if True:\n",
        "test_cancel.py::test_a_message_that_says_nothing_true_stops_nothing_and_the_next_is_heard",
    ),
    python(
        "a-renewal-stops-no-task",
        "worker/lease_keeper.py",
        "            if renewed.to_stop:\n",
        "            if False:\n",
        "unit/test_lease_keeper.py",
    ),
    python(
        "a-run-is-not-told-that-it-is-lost",
        "worker/run.py",
        "self.context.lost = reason is Stop.LOST",
        "self.context.lost = False",
        "unit/test_run.py",
    ),
    python(
        "a-lost-run-still-sends-its-end",
        "worker/end.py",
        "        if why is Stop.LOST:\n",
        "        if False:\n",
        "unit/test_run.py",
    ),
    python(
        "only-the-first-time-limit-counts",
        "worker/executor.py",
        '        if next_s < float("inf"):\n            self._set_limit_timer(next_s)\n',
        "",
        "test_time_limits.py",
    ),
    python(
        "an-earlier-limit-waits-for-a-later-one",
        "worker/executor.py",
        "        if run.deadline_s < self._limit_at_s:\n",
        '        if self._limit_at_s == float("inf"):\n',
        "test_time_limits.py",
    ),
    python(
        "a-time-limit-is-never-tried-again",
        "worker/end.py",
        'Failure("TimeoutError", str(error)), _delay_s(run, error), "timeout")',
        'Failure("TimeoutError", str(error)), None, "timeout")',
        f"{RETRIES}an_async_task_past_its_limit_is_cancelled_and_counts_as_a_failed_try",
    ),
    python(
        "a-result-that-cannot-travel-is-tried-again",
        "worker/end.py",
        'Failure("ResultError", message), None, "error")\n        if len(encoded)',
        'Failure("ResultError", message), 0.0, "error")\n        if len(encoded)',
        "test_results.py::test_a_result_that_json_cannot_carry_fails_the_task_which_ran_once",
    ),
    python(
        "a-task-that-is-unknown-here-fails-at-once",
        "worker/end.py",
        "isinstance(error, UnknownTaskError | UnsupportedVersionError)",
        "isinstance(error, UnsupportedVersionError)",
        "test_queues.py::test_a_task_that_a_worker_does_not_know_waits_for_one_that_does",
    ),
)

LEASES = (
    python(
        "lease-keeper-stops-after-one-failure",
        "worker/lease_keeper.py",
        "            pause_s = min(FAILED_AGAIN_S, self._renew_s)\n",
        "            pause_s = 3600.0\n",
        "test_outages.py::test_a_restarted_server_finds_its_workers_alive_under_their_old_sessions",
    ),
    python(
        "permit-counts-from-the-reply",
        "worker/lease_keeper.py",
        "            tenants[session].permit(sent_s + self._lease_s)",
        "            tenants[session].permit(monotonic_s() + self._lease_s)",
        "unit/test_lease_keeper.py",
    ),
    python(
        "first-permit-counts-from-the-reply",
        "worker/lease_keeper.py",
        "        tenant.permit(sent_s + self._lease_s)\n        self._tenants",
        "        tenant.permit(monotonic_s() + self._lease_s)\n        self._tenants",
        "unit/test_lease_keeper.py",
    ),
    python(
        "a-repeated-open-lengthens-the-first-permit",
        "worker/lease_keeper.py",
        "sent_s = self._opening_since_s.setdefault(session, monotonic_s())",
        "sent_s = self._opening_since_s[session] = monotonic_s()",
        "unit/test_lease_keeper.py",
    ),
    python(
        "permits-run-out-while-redis-is-away",
        "worker/lease_keeper.py",
        "                tenant.permit(monotonic_s() + min(self._lease_s, self._broker.settings.look_gap_s))\n",
        "                pass\n",
        "unit/test_lease_keeper.py",
    ),
    python(
        "a-session-that-has-gone-is-kept-quiet",
        "worker/lease_keeper.py",
        "                tenants[session].lose()\n",
        "",
        "unit/test_lease_keeper.py",
    ),
    python(
        "a-worker-claims-on-under-a-session-that-has-gone",
        "worker/keeper_thread.py",
        "        self._lease.session = new_session()\n",
        "",
        "test_sessions.py::test_a_worker_whose_session_went_while_it_was_idle_goes_on_under_a_new_one",
    ),
    python(
        "a-child-goes-on-past-its-deadline",
        "worker/child.py",
        "elif monotonic_s() - overstaying_since_s > OVERSTAY_S:",
        "elif monotonic_s() - overstaying_since_s > 3600:",
        "test_frozen.py::test_a_supervisor_that_is_frozen_alone_causes_no_two_runs_at_once",
    ),
)

CRASHES = "test_crashes.py::test_"
SUPERVISOR = "worker/supervisor.py"
SUPERVISORS = (
    python(
        "supervisor-lets-grandchildren-live",
        "children.py",
        "        code = await self.process.wait()\n        self.kill()\n",
        "        code = await self.process.wait()\n",
        f"{CRASHES}what_a_task_started_ends_with_its_child",
    ),
    python(
        "supervisor-reaps-before-it-kills",
        SUPERVISOR,
        '            code = await self._watch(f"worker-{number}", child)\n',
        "            await child.process.wait()\n"
        "            await self._sessions.end(session, clean='drained' in child.said or child in self._killed)\n"
        '            code = await self._watch(f"worker-{number}", child)\n',
        "test_grandchildren.py",
    ),
    python(
        "supervisor-does-not-restart-a-dead-child",
        SUPERVISOR,
        "                await self._pause(backoff, started_s)\n            elif self._plan.burst:",
        "                return\n            elif self._plan.burst:",
        f"{CRASHES}a_child_is_replaced_whatever_signal_kills_it",
    ),
    python(
        "supervisor-waits-for-the-lease-of-a-dead-child",
        "worker/child_sessions.py",
        "await self._broker.close(session) if clean else await self._reap(session)",
        "await self._broker.close(session) if clean else 0",
        f"{CRASHES}the_tasks_of_a_killed_child_are_ready_at_once_and_all_get_done",
    ),
    python(
        "supervisor-counts-no-crash",
        SUPERVISOR,
        "clean=drained or child in self._killed)",
        "clean=True)",
        f"{CRASHES}a_child_that_dies_between_its_claim_and_the_start_costs_a_crash_and_no_second_run",
    ),
    python(
        "supervisor-takes-exit-0-for-a-drain",
        SUPERVISOR,
        'drained = "drained" in child.said',
        "drained = code == 0",
        f"{CRASHES}a_process_that_exits_with_0_in_a_task_has_crashed_and_the_task_runs_again",
    ),
    python(
        "supervisor-counts-its-own-kill-as-a-crash",
        SUPERVISOR,
        "clean=drained or child in self._killed)",
        "clean=drained)",
        "test_drain.py::test_more_signals_end_it_sooner_and_cost_no_task_a_try_or_a_crash[3-3.0]",
    ),
    python(
        "a-second-signal-ends-no-grace",
        SUPERVISOR,
        '                child.tell({"drain": 0})\n',
        "                pass\n",
        "test_drain.py::test_more_signals_end_it_sooner_and_cost_no_task_a_try_or_a_crash[2-8.0]",
    ),
    python(
        "a-third-signal-kills-nobody",
        SUPERVISOR,
        '            log.warning("killing")\n            self._kill_all()\n',
        '            log.warning("killing")\n',
        "test_drain.py::test_more_signals_end_it_sooner_and_cost_no_task_a_try_or_a_crash[3-3.0]",
    ),
)

TABLE = (*CALLS, *CLAIMS, *RUNS, *LEASES, *SUPERVISORS)
