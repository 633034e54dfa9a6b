"""The catalogue of faults: what can happen to a task queue, what must come of it, and the tests that show it.

A fault without a test, or with one for a part of it, says why. `scripts/faults --list` prints all, with the last results.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import fill

from faults import results

WIDTH = 120


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        number: as in the list that the catalogue was made from.
        fault: what happens.
        expected: what must come of it.
        tests: node ids of pytest below `tests/`; one without brackets stands for all its cases.
        missing: why there is no test, or what the tests leave open.
    """

    number: str
    fault: str
    expected: str
    tests: tuple[str, ...] = ()
    missing: str = ""

    @property
    def nodes(self) -> list[str]:
        """The node ids as pytest prints them."""
        return [f"tests/{test}" for test in self.tests]


# fmt: off
FAULTS = (
    Fault("1", "a worker process is killed while it runs tasks",
          "they are ready again at once and run again; one crash is counted", (
        "integration/test_crashes.py::test_the_tasks_of_a_killed_child_are_ready_at_once_and_all_get_done",
        "integration/test_crashes.py::test_one_worker_process_of_several_dies_and_the_others_go_on",
        "integration/test_crashes.py::test_workers_that_are_killed_again_and_again_lose_no_task")),
    Fault("2", "supervisor and children are killed together",
          "another worker reaps them after the lease, and their tasks run again", (
        "integration/test_crashes.py::test_a_worker_command_that_is_killed_whole_is_reaped_by_another_and_its_tasks_run_again",)),
    Fault("3", "a worker is killed between its claim and the start of the task",
          "the task runs once, and one crash is counted", (
        "integration/test_crashes.py::test_a_child_that_dies_between_its_claim_and_the_start_costs_a_crash_and_no_second_run",)),
    Fault("4", "a worker is killed after the task's effect and before its end is known",
          "it runs again under the same key", (
        "faults/test_processes.py::test_a_run_whose_worker_dies_after_the_effect_and_before_the_end_runs_again_under_the_same_key",)),
    Fault("5", "a worker is killed after the end was taken and before it hears so",
          "the task is done once and does not run again", (
        "integration/test_crashes.py::test_a_child_that_dies_before_it_hears_that_its_end_was_taken_costs_nothing",
        "integration/test_connections.py::test_an_end_whose_reply_is_lost_is_sent_again_and_counts_once")),
    Fault("6", "a worker stands still for longer than its lease and then goes on",
          "another ends its tasks; its own ends change nothing", (
        "integration/test_frozen.py::test_what_a_frozen_worker_ran_is_done_by_another_and_its_late_results_change_nothing",
        "faults/test_processes.py::test_a_worker_that_nobody_watches_over_is_told_after_a_pause_what_it_lost",
        "integration/test_sessions.py::test_a_run_whose_session_was_reaped_is_told_and_its_late_result_changes_nothing")),
    Fault("7", "a task blocks the event loop for longer than the lease",
          "the lease is kept and the task runs once", (
        "integration/test_sessions.py::test_a_task_that_blocks_the_loop_for_longer_than_the_lease_keeps_its_claim",
        "integration/test_frozen.py::test_a_task_that_blocks_the_loop_or_holds_the_gil_for_longer_than_the_lease_runs_once")),
    Fault("8", "C code holds the GIL for longer than the lease",
          "the supervisor renews, and the task runs once", (
        "integration/test_frozen.py::test_a_task_that_blocks_the_loop_or_holds_the_gil_for_longer_than_the_lease_runs_once",)),
    Fault("9", "a task ends its process by a segmentation fault",
          "it is tried again, and set aside when it keeps doing so", (
        "integration/test_crashes.py::test_a_task_that_keeps_killing_its_worker_is_set_aside_with_the_evidence",),
        "crashes are counted per task that ran; the culprit is not told from the tasks beside it"),
    Fault("10", "a task takes too much memory",
          "past a limit of its process it fails; where the kernel ends the process, as 9", (
        "faults/test_processes.py::test_a_task_that_asks_for_more_memory_than_its_process_may_have_fails_alone",
        "integration/test_crashes.py::test_a_task_that_keeps_killing_its_worker_is_set_aside_with_the_evidence[kill]",),
        "the kernel's way is tried by the signal it sends, not by using up a machine; the reason is not told yet"),
    Fault("11", "a task exits, or raises what is no Exception",
          "a crash or a failure, never a success", (
        "integration/test_crashes.py::test_a_process_that_exits_with_0_in_a_task_has_crashed_and_the_task_runs_again",
        "integration/test_raising.py::test_what_is_no_exception_is_not_tried_again",
        "integration/test_raising.py::test_whatever_a_task_raises_fails_it_and_the_worker_lives")),
    Fault("12", "a task never returns",
          "past its limit it is stopped, and its slot is free again", (
        "integration/test_retries.py::test_an_async_task_past_its_limit_is_cancelled_and_counts_as_a_failed_try",
        "integration/test_retries.py::test_a_thread_past_its_limit_sees_it_and_keeps_its_slot_and_its_claim_until_it_returns"),
        "not built yet: tasks in processes of their own. A thread, or code that never awaits, cannot be stopped"),
    Fault("13", "a task starts processes or threads without end",
          "a limit holds, and the worker is replaced", (
        "integration/test_crashes.py::test_what_a_task_started_ends_with_its_child",),
        "not built yet: a worker that is replaced after so many tasks"),
    Fault("14", "SIGTERM",
          "no more claims; what runs ends within the grace, or goes back uncounted", (
        "integration/test_drain.py::test_a_worker_that_is_told_to_stop_finishes_what_runs_and_claims_nothing_more",
        "integration/test_drain.py::test_what_does_not_end_within_the_grace_is_handed_back_uncounted_and_runs_first_elsewhere")),
    Fault("15", "SIGTERM a hundred times, SIGINT three times, SIGHUP",
          "each one at most hurries the end; nothing is counted", (
        "faults/test_processes.py::test_a_storm_of_signals_ends_a_worker_and_counts_nothing",
        "integration/test_drain.py::test_more_signals_end_it_sooner_and_cost_no_task_a_try_or_a_crash")),
    Fault("16", "SIGTERM while a claim is on the wire",
          "what it brings runs within the grace or goes back uncounted", (
        "faults/test_processes.py::test_what_a_claim_brings_after_the_signal_to_stop_is_not_lost",
        "integration/test_connections.py::test_a_worker_that_stops_while_its_claim_is_on_the_wire_hands_back_what_that_brings")),
    Fault("17", "workers are replaced one after the other under load",
          "every task runs once, at its first try", (
        "faults/test_processes.py::test_twenty_rolling_restarts_under_load_cost_no_task_a_try_or_a_crash",)),
    Fault("18", "a Redis that writes every second is killed under load",
          "what is older than that is done; few run twice", (
        "faults/test_redis.py::test_a_server_that_writes_every_second_and_is_killed_under_load_loses_no_older_task_and_starts_few_twice",)),
    Fault("19", "the machine of Redis loses its power",
          "no more is lost than the server's settings say", (),
        "not built yet: enqueues that wait until they are on the disk, and a tool that cuts a file to its last flush"),
    Fault("20", "Redis restarts before its reply to a claim, an end or an enqueue arrives",
          "asking again has the one effect", (
        "faults/test_redis.py::test_a_call_whose_reply_is_lost_because_the_server_restarts_has_one_effect",
        "integration/test_outages.py::test_what_is_enqueued_while_the_server_restarts_is_accepted_once")),
    Fault("21", "Redis is away for longer than the lease",
          "nobody alive is reaped; callers are told in bounded time", (
        "integration/test_outages.py::test_a_server_that_is_killed_and_comes_back_costs_no_task_and_no_result",
        "integration/test_outages.py::test_a_restarted_server_finds_its_workers_alive_under_their_old_sessions",
        "integration/test_outages.py::test_a_server_that_stands_still_for_longer_than_the_lease_causes_no_second_run",
        "integration/test_outages.py::test_an_enqueue_without_a_server_is_refused_in_time_and_says_whether_it_may_have_been_accepted",
        "api/test_redis_away.py::test_killed_it_is_said_soon_and_back_it_works_again")),
    Fault("22", "Redis stands still for longer than a call may take",
          "calls time out; nothing is handed out twice, nobody exits", (
        "faults/test_redis.py::test_a_server_that_stands_still_for_longer_than_calls_may_take_hands_out_nothing_twice",
        "api/test_redis_away.py::test_a_server_that_hangs_leaves_the_outcome_unknown")),
    Fault("23", "Redis loads its data for a while after a start",
          "it is waited for, and said", (
        "faults/test_stuck.py::test_a_server_that_loads_its_data",)),
    Fault("24", "Redis is busy with somebody's endless script",
          "it is waited for, and nobody alive is reaped", (
        "faults/test_redis.py::test_a_server_that_is_busy_with_a_script_is_waited_for",)),
    Fault("25", "Redis forgets the scripts again and again",
          "they are sent again, and nobody notices", (
        "integration/test_connections.py::test_scripts_that_the_server_forgets_are_sent_again",
        "scripts/test_damage.py::test_a_server_that_has_forgotten_the_scripts_gets_them_again")),
    Fault("26", "somebody empties Redis",
          "workers go on under new sessions", (
        "integration/test_sessions.py::test_a_worker_that_lost_everything_to_a_flush_goes_on",),
        "not built yet: an event that says that data was lost"),
    Fault("27", "Redis is at its memory limit",
          "an enqueue is refused whole; what runs is ended and recorded", (
        "integration/test_outages.py::test_a_server_that_is_full_refuses_new_work_whole_and_takes_the_ends_of_the_old",
        "scripts/test_memory.py::test_a_full_server_changes_nothing_about_a_call",
        "scripts/test_memory.py::test_a_full_server_refuses_an_enqueue_whole",
        "scripts/test_memory.py::test_a_server_that_fills_up_takes_work_again_once_work_has_ended",
        "api/test_redis_away.py::test_a_full_server_takes_no_work_and_still_answers")),
    Fault("28", "somebody lets Redis evict keys while it runs",
          "it is said within half a minute", (),
        "not built yet: a look at the server's settings (`doctor`, alarms)"),
    Fault("29", "the disk of Redis is full",
          "an enqueue is refused; ends are kept and sent again until there is room", (
        "faults/test_disk.py::test_a_full_disk_refuses_new_tasks_whole_and_results_wait_until_there_is_space_again",)),
    Fault("30", "the disk is full and every write must be on it",
          "Redis exits; what was accepted is there when it is back", (
        "faults/test_disk.py::test_a_server_that_ends_on_a_full_disk_has_what_was_durable_when_it_is_back",)),
    Fault("31", "Redis takes no more clients for a while",
          "who has connections works on; who has none waits and says so", (
        "faults/test_redis.py::test_a_server_that_takes_no_more_clients_is_waited_for_and_connections_that_stand_work_on",)),
    Fault("32", "all connections are closed by the server again and again",
          "they are made again and nothing is lost", (
        "integration/test_connections.py::test_killed_clients_come_back_and_nothing_is_lost",
        "integration/test_connections.py::test_a_waiter_hears_of_the_end_though_its_connections_are_cut")),
    Fault("33", "Sentinel promotes a replica that has everything",
          "workers consume again within seconds", (
        "faults/test_sentinel.py::test_after_each_failover_the_worker_consumes_again",
        "faults/test_sentinel.py::test_a_result_is_waited_for_across_a_failover",
        "faults/test_sentinel.py::test_a_master_that_is_killed_is_replaced_and_what_its_replica_had_is_done")),
    Fault("34", "Sentinel promotes a replica that was behind",
          "only what it never had is lost, and whoever asks is told", (
        "faults/test_sentinel.py::test_what_a_lagging_replica_never_had_is_lost_and_said_to_be",),
        "not built yet: enqueues that wait for a replica, and a report of what was lost"),
    Fault("35", "the old master goes on with a minority of clients",
          "it refuses writes, or the loss is reported", (),
        "not built yet: a look at the server's min-replicas settings, and a report of what was lost"),
    Fault("36", "all sentinels are away while workers reconnect",
          "workers recover by themselves", (
        "faults/test_sentinel.py::test_sentinels_that_were_all_away_while_workers_reconnected_are_found_again",)),
    Fault("37", "the master is demoted while workers block on it",
          "they look for the new one at once", (
        "faults/test_stuck.py::test_a_server_that_is_demoted_while_the_worker_blocks_on_it",)),
    Fault("38", "a failover undoes a claim whose run goes on",
          "the run that lost its claim ends nothing", (
        "faults/test_sentinel.py::test_a_run_whose_claim_a_failover_undid_ends_nothing",
        "integration/test_sessions.py::test_a_claim_that_redis_no_longer_has_stops_its_run")),
    Fault("39", "slots of a cluster move under load",
          "calls are repeated; no effect happens twice", (),
        "not built yet: Redis Cluster"),
    Fault("40", "a node of a cluster dies",
          "the other shards go on", (), "not built yet: Redis Cluster"),
    Fault("41", "a worker cannot reach Redis for longer than the lease",
          "its tasks run elsewhere; later it changes nothing", (
        "faults/test_network.py::test_a_worker_that_is_cut_off_for_longer_than_its_lease_changes_nothing_afterwards_and_takes_tasks_again",)),
    Fault("42", "requests arrive and replies are lost",
          "every call may be sent again", (
        "faults/test_network.py::test_an_enqueue_whose_reply_is_lost_on_the_way_has_one_effect",
        "faults/test_network.py::test_a_claim_whose_reply_is_lost_on_the_way_is_handed_back_and_run_once",
        "faults/test_network.py::test_an_end_whose_answer_is_lost_on_the_way_counts_once",
        "integration/test_connections.py::test_a_claim_whose_reply_is_lost_is_handed_back_and_its_tasks_run_once",
        "integration/test_connections.py::test_a_failure_whose_reply_is_lost_is_sent_again_and_counts_once",
        "integration/test_connections.py::test_an_enqueue_whose_reply_is_lost_is_sent_again_and_makes_one_task")),
    Fault("43", "a connection falls silent and nobody is told",
          "it is given up in bounded time, and the work goes on", (
        "faults/test_network.py::test_a_server_that_goes_and_comes_back_unseen_is_found_again",
        "integration/test_connections.py::test_connections_that_fall_silent_are_given_up_and_the_work_goes_on",
        "faults/test_stuck.py::test_a_server_that_takes_connections_and_never_replies")),
    Fault("44", "connections are reset in the middle of a reply, or deliver it byte by byte",
          "no reply is taken for another's", (
        "integration/test_connections.py::test_connections_that_are_cut_again_and_again_lose_no_task",
        "integration/test_connections.py::test_an_end_whose_reply_is_lost_is_sent_again_and_counts_once[halve]",
        "integration/test_connections.py::test_a_claim_whose_reply_is_lost_is_handed_back_and_its_tasks_run_once[halve]",
        "integration/test_connections.py::test_replies_that_come_byte_by_byte_are_read_like_any_other",
        "integration/test_connections.py::test_slow_replies_cost_time_and_nothing_else")),
    Fault("45", "calls are cancelled at every moment, by the thousand",
          "each later answer is that of its own question", (
        "faults/test_redis.py::test_calls_that_are_cancelled_by_the_thousand_leave_no_answer_to_another",
        "integration/test_connections.py::test_a_call_that_is_cancelled_never_leaves_its_reply_to_another")),
    Fault("46", "the name of the server does not resolve, or leads elsewhere",
          "it is looked up again at each connect", (
        "faults/test_network.py::test_a_server_whose_name_fails_and_then_leads_elsewhere_is_found_again",
        "integration/test_connections.py::test_a_server_that_moved_is_found_at_its_new_address")),
    Fault("47", "a TLS certificate is out of date, or is replaced",
          "it is said clearly; the next connect takes the new one", (
        "integration/test_urls.py::test_tls_is_verified_unless_the_url_says_otherwise",
        "integration/test_urls.py::test_tls_with_an_authority_that_is_named"),
        "tried with a certificate that nobody vouches for, not yet with one that ends or is replaced while workers run"),
    Fault("48", "the clock of a worker or of the API jumps by an hour",
          "nothing comes of it: only the server's time counts", (
        "faults/test_clocks.py::test_a_clock_that_jumps_at_the_worker_and_at_the_api_changes_nothing",)),
    Fault("49", "the clock of Redis jumps by an hour",
          "nobody alive is reaped", (
        "faults/test_clocks.py::test_a_clock_of_redis_that_jumps_has_nobody_reaped_who_lives_and_everybody_who_is_killed",
        "scripts/test_reap.py::TestLooks::test_after_the_clock_went_forward_the_living_renew_and_stay",
        "scripts/test_reap.py::TestLooks::test_after_the_clock_went_back_the_living_renew_and_stay")),
    Fault("50", "leap days, and hours that summer time skips or repeats",
          "each tick of a schedule at its time, once", (),
        "not built yet: schedules"),
    Fault("51", "the scheduler stands still and goes on",
          "one task for each tick", (), "not built yet: schedules"),
    Fault("52", "several schedulers at once",
          "one task for each tick", (), "not built yet: schedules"),
    Fault("53", "no scheduler for hours",
          "what was missed is made up for as far as its policy says", (), "not built yet: schedules"),
    Fault("54", "no worker knows a task's name",
          "it waits for one that does, where people can see it, and fails in the end", (
        "integration/test_queues.py::test_a_task_that_a_worker_does_not_know_waits_for_one_that_does",
        "integration/test_queues.py::test_a_task_that_no_worker_knows_fails_after_its_time")),
    Fault("55", "a result cannot travel",
          "the task fails and says why; its worker lives", (
        "faults/test_processes.py::test_results_that_cannot_travel_fail_their_tasks_after_the_effect_and_the_worker_lives",
        "integration/test_results.py::test_a_result_that_json_cannot_carry_fails_the_task_which_ran_once")),
    Fault("56", "arguments or a request's body are far too large",
          "they are refused before they are read", (
        "api/test_limits.py::test_a_body_that_is_too_large_is_refused_before_it_is_sent",
        "api/test_limits.py::test_a_chunked_body_is_read_up_to_the_limit",
        "integration/test_enqueue.py::test_arguments_over_the_limit_are_refused_and_nothing_is_written"),
        "compressed bodies are never unpacked, and how much memory a flood takes is not measured yet"),
    Fault("57", "records in Redis are damaged",
          "each fails or is set aside by name, and the queue keeps moving", (
        "faults/test_records.py::test_envelopes_that_are_damaged_in_every_way_fail_by_name_and_the_tasks_between_them_run",
        "faults/test_records.py::test_keys_of_a_task_that_are_of_another_type_stop_nothing",
        "faults/test_records.py::test_who_waits_for_an_end_that_cannot_be_read_is_told_and_others_get_theirs",
        "faults/test_records.py::test_a_token_that_is_damaged_while_its_task_runs_costs_another_run_and_never_the_task",
        "faults/test_records.py::test_a_queue_whose_key_is_of_another_type_is_named_and_the_other_queues_go_on",
        "scripts/test_damage.py::test_a_key_of_another_type_makes_no_call_write_by_halves")),
    Fault("58", "an old worker meets the records of a newer one",
          "it puts them back for a worker that can read them", (
        "faults/test_records.py::test_envelopes_that_are_damaged_in_every_way_fail_by_name_and_the_tasks_between_them_run",
        "unit/test_wire.py::TestVersions::test_a_newer_record_is_refused_by_its_version"),
        "there is one version so far; two released ones cannot be run against each other yet"),
    Fault("59", "thousands of connections to the API, slow senders, slow readers",
          "limits hold, and others are served", (
        "api/test_limits.py::test_idle_slow_and_broken_clients_do_not_hurt_others",
        "api/test_limits.py::test_a_body_that_does_not_come_is_not_waited_for",
        "api/test_limits.py::test_a_head_that_does_not_come_is_not_waited_for"),
        "a flood of ten thousand connections is not tried"),
    Fault("60", "a client of a live stream never reads",
          "it is dropped when its buffer is full", (), "not built yet: live streams"),
    Fault("61", "the dashboard is opened on a million tasks",
          "nobody else waits for it", (), "not built yet: the dashboard"),
    Fault("62", "a workflow with 100,000 children, or 10,000 levels",
          "it is done in parts, none of which holds up others", (),
        "not built yet: workflows"),
    Fault("63", "two ends of one task race each other",
          "exactly one counts", (
        "scripts/test_finish.py::test_each_token_is_accepted_once_even_within_a_batch",
        "scripts/test_finish.py::test_a_run_that_lost_its_claim_changes_nothing",
        "scripts/test_retry.py::test_one_that_ran_since_the_caller_looked_is_stale",
        "integration/test_cancel.py::test_a_thread_that_is_cancelled_sees_it_and_whatever_it_returns_it_was_cancelled"),
        "parents with children are not built yet"),
    Fault("64", "what 100,000 tasks depend on is down",
          "their retries are spread out", (
        "unit/test_retry.py::test_jitter_is_the_part_of_a_delay_that_is_left_to_chance",
        "integration/test_retries.py::test_a_task_waits_its_delay_between_tries_as_scheduled"),
        "not built yet: a limit of retries for a queue"),
    Fault("65", "the disk of the log is full, or stderr has no reader or is closed",
          "the work goes on", (
        "faults/test_processes.py::test_a_worker_whose_stderr_takes_nothing_works_on",)),
    Fault("66", "the embedded server: no program, port taken, stale lock, owner killed, second start",
          "said clearly; the data is kept", (
        "integration/test_embedded.py::test_a_killed_owner_takes_its_server_along_and_the_next_start_has_the_data",
        "integration/test_embedded.py::test_a_second_start_names_the_first_and_says_what_to_do",
        "integration/test_embedded.py::test_a_given_port_that_is_taken_is_an_error",
        "integration/test_embedded.py::test_a_note_that_was_left_behind_hinders_no_start",
        "integration/test_embedded.py::test_without_any_program_the_error_gives_three_ways_out")),
    Fault("66b", "a failover while the API and the workers remember what they sent last",
          "they send it again, and nothing is lost", (),
        "not built yet: keeping what was accepted until a replica has it"),
    Fault("67", "the receiver of a webhook hangs, answers without end, or leads inward",
          "limits hold", (),
        "not built yet: webhooks"),
    Fault("68", "other programs keep the machine busy",
          "leases hold", (
        "faults/test_processes.py::test_leases_hold_on_a_machine_that_is_busy_with_other_things",)),
)
# fmt: on


def cited() -> set[str]:
    """The node ids of all tests that show a fault."""
    return {node for fault in FAULTS for node in fault.nodes}


def listing(last: dict[str, results.Result]) -> Iterable[str]:
    """The lines of the list: each fault, what must come of it, and its tests with their last results."""
    for fault in FAULTS:
        yield fill(f"{fault.fault}: {fault.expected}", WIDTH, initial_indent=f"{fault.number:>3}  ", subsequent_indent=" " * 5)
        for node in fault.nodes:
            yield f"     {results.said(last.get(node)):<26} {node}"
        if fault.missing:
            yield fill(
                fault.missing,
                WIDTH,
                initial_indent=f"     {'open' if fault.tests else 'no test':<26} ",
                subsequent_indent=" " * 32,
            )
    yield ""
    yield summary(last)


def summary(last: dict[str, results.Result]) -> str:
    """How many faults have tests, and how those ended."""
    outcomes = [last[node].outcome if node in last else "not run" for node in cited()]
    shown = sum(1 for fault in FAULTS if fault.tests)
    counts = ", ".join(f"{outcomes.count(word)} {word}" for word in ("passed", "failed", "not run"))
    return f"{len(FAULTS)} faults, {shown} of them with tests; of the {len(outcomes)} tests: {counts} here"


def main_list() -> int:
    """Print the catalogue."""
    print("\n".join(listing(results.read())))
    return 0
