"""Mutants of the Lua scripts: what each transition looks at before it writes, and what it writes."""

from .mutant import Mutant

SCRIPTS = "protocol/scripts"


def lua(name: str, script: str, old: str, new: str, *tests: str) -> Mutant:
    """A mutant of one script; its own tests must notice it, or others that are named."""
    named = tests or (f"test_{script}",)
    return Mutant(name, f"{SCRIPTS}/{script}.lua", old, new, tuple(f"scripts/{test}.py" for test in named))


# What stands in for a script's first write here is one that memory pressure refuses and that else changes nothing.
DENIED = "redis.call('SETRANGE', own .. 'memory', 0, '')"

CLAIM = (
    lua(
        "claim-pops-before-it-has-looked-at-all",
        "claim",
        "passed[queue] = math.max(passed[queue] or 0, #listed)",
        "redis.call('LTRIM', ready_key(queue), 0, -(#listed + 1))\n    passed[queue] = 0",
        "test_claim",
        "test_damage",
    ),
    lua("claim-ignores-the-word", "claim", "words[n] == 'pending' and", "words[n] and", "test_claim_passing_over"),
    lua(
        "claim-takes-an-id-twice",
        "claim",
        "words[n] == 'pending' and not queues_of[id] then",
        "words[n] == 'pending' then",
        "test_claim_passing_over",
    ),
    lua(
        "claim-by-a-session-that-has-gone",
        "claim",
        "if not lease_end then return 'lost' end",
        "lease_end = lease_end or now_ms",
    ),
    lua("claim-without-a-lease", "claim", "if tonumber(lease_end) < now_ms then return 'expired' end\n", ""),
    lua("expired-is-answered-as-lost", "claim", "return 'expired'", "return 'lost'"),
    lua("same-number-for-two-claims", "claim", "or 0) + 1, now_us)", "or 0), now_us)"),
    lua(
        "claim-number-from-the-clock-alone",
        "claim",
        "math.max((tonumber(redis.call('MGET', own .. 'clock')[1]) or 0) + 1, now_us)",
        "now_us",
    ),
    lua(
        "claim-number-is-not-remembered",
        "claim",
        "    redis.call('SET', own .. 'clock', string.format('%.0f', number))\n",
        "",
    ),
    lua("claim-ignores-a-pause", "claim", "free > 0 and not paused[queue] and", "free > 0 and"),
    lua("claim-wakes-for-a-paused-queue", "claim", "if not paused[queue] and not looked_at_all", "if not looked_at_all"),
    lua("claim-takes-the-newest", "claim", "ready_key(queue), -free, -1)", "ready_key(queue), 0, free - 1)"),
    lua("claim-drops-one-it-did-not-look-at", "claim", "0, -(amount + 1))", "0, -(amount + 2))"),
    lua(
        "claim-of-a-queue-named-twice-drops-twice",
        "claim",
        "math.max(passed[queue] or 0, #listed)",
        "(passed[queue] or 0) + #listed",
        "test_claim_queues_named_twice",
    ),
    lua("claim-keeps-the-wake-up-token", "claim", "    more = 1\n    wake(queue)\n", "    more = 1\n"),
    lua(
        "an-id-without-a-word-is-dropped",
        "claim",
        "strays[#strays + 1] = id",
        "dropped = dropped + 1",
        "test_claim_passing_over",
    ),
    lua("claim-forgets-earlier-tries", "claim", "tries = attempt('HMGET', own .. 'tries', unpack(ids))", "tries = {}"),
    lua("claim-is-refused-when-memory-is-full", "claim", "pass_memory_limit()", DENIED, "test_memory"),
)

FINISH = (
    lua("finish-ignores-the-token", "finish", "held[n] == token and", "held[n] and"),
    lua("finish-takes-a-token-twice-in-a-batch", "finish", "spent[id] = true", "spent[id] = false"),
    lua("finish-does-not-know-its-repeat", "finish", "== outcome and 'repeat' or 'lost'", "== outcome and 'lost' or 'lost'"),
    lua("finish-leaves-the-claim", "finish", "if #ids > 0 then redis.call('HDEL', owned, unpack(ids)) end\n", ""),
    lua("finish-is-refused-when-memory-is-full", "finish", "pass_memory_limit()", DENIED, "test_memory"),
)

FAIL = (
    lua("fail-ignores-the-token", "fail", "if redis.call('HGET', owned, id) ~= token", "if not redis.call('HGET', owned, id)"),
    lua(
        "fail-ignores-a-cancel",
        "fail",
        "  if is_cancelling(id) then return end_claimed(id, evidence, outcome, 'cancelled') end\n",
        "",
    ),
    lua("fail-does-not-know-its-repeat", "fail", "(stored == outcome or last == evidence)", "stored == outcome"),
    lua("fail-counts-no-try", "fail", "'HINCRBY', own .. 'tries', id, 1)", "'HINCRBY', own .. 'tries', id, 0)"),
    lua("fail-keeps-no-evidence-of-a-try", "fail", "  keep_attempt(id, evidence)\n  redis.call('SET'", "  redis.call('SET'"),
    lua("fail-forgets-the-delay", "fail", "now_ms + tonumber(delay_ms)", "now_ms"),
    lua("fail-is-refused-when-memory-is-full", "fail", "pass_memory_limit()", DENIED, "test_memory"),
)

RELEASE = (
    lua(
        "release-ignores-the-token",
        "release",
        "if redis.call('HGET', owned, id) ~= token",
        "if not redis.call('HGET', owned, id)",
    ),
    lua("release-ignores-a-cancel", "release", "if is_cancelling(id) then", "if false then"),
    lua(
        "release-counts-a-try",
        "release",
        "  redis.call('HDEL', owned, id)\n  if note",
        "  redis.call('HDEL', owned, id)\n  redis.call('HINCRBY', own .. 'tries', id, 1)\n  if note",
    ),
    lua("release-keeps-the-same-note-again", "release", "if note ~= '' and not since_ms then", "if note ~= '' then"),
    lua("release-takes-a-note-back-for-ever", "release", "return 'overdue' end", "since_ms = nil end"),
    lua("release-is-refused-when-memory-is-full", "release", "pass_memory_limit()", DENIED, "test_memory"),
)

ENQUEUE = (
    lua(
        "enqueue-writes-before-it-looks",
        "enqueue",
        "if #looked == 0 then return {} end\n",
        "if #looked == 0 then return {} end\nredis.call('SADD', own .. 'queues', ARGV[4])\n",
    ),
    lua(
        "other-content-under-a-known-id-is-the-same",
        "enqueue",
        "if found[1] then return string.sub(found[1], DIGEST_FROM, DIGEST_TO) == digest and 'same' or 'conflict' end",
        "if found[1] then return 'same' end",
    ),
    lua(
        "other-content-under-a-remembered-id-is-the-same",
        "enqueue",
        "if found[2] then return found[2] == digest and 'same' or 'conflict' end",
        "if found[2] then return 'same' end",
    ),
    lua(
        "a-refused-task-is-written",
        "enqueue",
        "  if word == 'created' then\n    created",
        "  if word ~= 'same' then\n    created",
    ),
    lua("two-contents-under-one-id-in-a-batch", "enqueue", "first[id] == digest and 'same' or 'conflict'", "'same'"),
    lua("an-id-twice-in-a-batch-is-two-tasks", "enqueue", "  if seen[id] then all_new = false end\n", ""),
    lua(
        "a-foreign-tasks-id-is-taken-over",
        "enqueue",
        "  if redis.call('EXISTS', task .. id, task .. id .. ':status') > 0 then return 'conflict' end\n",
        "",
    ),
    lua("digest-is-not-kept", "enqueue", "if keep == '1' then", "if keep == '2' then"),
    lua("digest-is-kept-for-ever", "enqueue", "'SET', digest[1], digest[2], 'PX', digest_ms)", "'SET', digest[1], digest[2])"),
    lua(
        "digest-is-not-looked-at",
        "enqueue",
        "looked[n + 1], looked[n + 2], looked[n + 3] = key, key .. ':status', key .. ':digest'",
        "looked[n + 1], looked[n + 2] = key, key .. ':status'",
    ),
    lua(
        "delay-counts-from-the-clients-clock",
        "enqueue",
        "now_ms + tonumber(delay_ms)",
        "tonumber(string.match(envelope, '\"enqueued_ms\":(%d+)')) + tonumber(delay_ms)",
    ),
    lua("enqueue-at-the-wrong-end", "enqueue", "redis.call('LPUSH', ready_key(queue)", "redis.call('RPUSH', ready_key(queue)"),
    lua(
        "enqueue-wakes-nobody",
        "enqueue",
        "  redis.pcall('SADD', own .. 'queues', queue)\n  wake(queue)\n",
        "  redis.pcall('SADD', own .. 'queues', queue)\n",
    ),
    lua(
        "enqueue-passes-over-the-memory-limit",
        "enqueue",
        "redis.call('MSET', unpack(records))",
        "pass_memory_limit()\nredis.call('MSET', unpack(records))",
        "test_memory",
    ),
)

PROMOTE = (
    lua("promote-ignores-the-word", "promote", "if words[n] == 'scheduled' then", "if words[n] then"),
    lua("promote-takes-what-is-not-due", "promote", "due, '-inf', now_ms, 'LIMIT'", "due, '-inf', '+inf', 'LIMIT'"),
    lua("promote-ignores-a-cancel", "promote", "if is_cancelling(id) then", "if false then"),
    lua("promote-takes-more-than-500", "promote", "local AT_ONCE = 500", "local AT_ONCE = 600"),
    lua("promote-at-the-wrong-end", "promote", "redis.call('LPUSH', ready", "redis.call('RPUSH', ready"),
    lua("promote-wakes-nobody", "promote", "    wake(queue)\n", ""),
    lua("strays-are-never-dropped", "promote", "if word or since_ms[n] < now_ms - STRAY_KEPT_MS then", "if word then"),
    lua("a-stray-runs-whatever-its-word", "promote", "if word == 'pending' then", "if word then"),
    lua("a-stray-is-looked-at-at-once", "shared/next_due", "STRAY_LOOK_MS = 1000", "STRAY_LOOK_MS = 0", "test_promote"),
)

SESSIONS = (
    lua(
        "a-late-open-revives",
        "open",
        "if redis.call('EXISTS', record) == 1 then return lease_end and 'repeat' or 'gone' end",
        "if lease_end then return 'repeat' end",
    ),
    lua("open-is-refused-when-memory-is-full", "open", "pass_memory_limit()\n", "", "test_memory"),
    lua("close-counts-crashes", "close", "session, 'closed')", "session, 'crashed')"),
    lua("renew-revives", "renew", "if redis.call('ZSCORE', own .. 'sessions', session) then", "if session then"),
    lua("renew-leaves-the-suspicion", "renew", "    redis.pcall('HDEL', own .. 'suspects', session)\n", ""),
    lua("renew-tells-of-the-cancels-of-others", "renew", "if token then answer", "if token ~= nil then answer"),
    lua("renew-tells-of-no-cancel", "renew", "if token then answer", "if not token then answer"),
    lua("renew-tells-of-no-order", "renew", "type(order) == 'string' and order or ''", "''"),
    lua("renew-stops-at-a-damaged-record", "renew", "attempt('HGET'", "redis.call('HGET'"),
    lua("an-order-reaches-one-that-has-gone", "order", "then return 'gone' end", "then session = session end"),
    lua("quiet-overrules-stop", "order", "if redis.call('HGET', record, 'order') == 'stop' then return 'stop' end\n", ""),
    lua("order-is-refused-when-memory-is-full", "order", "pass_memory_limit()\n", "", "test_memory"),
    lua("renew-is-refused-when-memory-is-full", "renew", "pass_memory_limit()", DENIED, "test_memory"),
    lua(
        "a-session-that-has-gone-is-forgotten",
        "shared/empty",
        "redis.call('EXPIRE', own .. 'session:' .. session, SESSION_KEPT_S)",
        "redis.call('DEL', own .. 'session:' .. session)",
        "test_close",
    ),
)

REAP = (
    lua(
        "reap-on-the-first-look",
        "reap",
        "string.format('%.0f', now_ms))\n  return false",
        "string.format('%.0f', now_ms))\n  return true",
    ),
    lua("reap-without-the-gap", "reap", ">= gap_ms", ">= 0"),
    lua("reap-leaves-the-session", "reap", "  redis.call('ZREM', own .. 'sessions', session)\n", ""),
    lua(
        "a-look-from-before-the-last-renewal-counts",
        "reap",
        "first_seen_ms <= now_ms and (first_seen_ms > lease_end or lease_end > now_ms)",
        "first_seen_ms <= now_ms",
    ),
    lua("a-look-from-the-future-counts", "reap", "first_seen_ms and first_seen_ms <= now_ms and", "first_seen_ms and"),
    lua("a-lease-far-ahead-is-never-over", "reap", "return lease_ms ~= nil and lease_end > now_ms + lease_ms", "return false"),
    lua(
        "reap-of-one-that-never-was",
        "reap",
        "died ~= '' and redis.call('ZSCORE', own .. 'sessions', died) then",
        "died ~= '' then",
    ),
    lua("reap-of-one-goes-on-with-another", "reap", "(died == '' or died == marks[i])", "marks[i]"),
    lua("reap-is-refused-when-memory-is-full", "reap", "pass_memory_limit()", DENIED, "test_memory"),
    lua(
        "a-reaper-that-dies-leaves-no-trace",
        "shared/empty",
        "if left == 0 then end_session(session) end",
        "end_session(session)",
        "test_reap",
    ),
    lua(
        "crash-is-not-counted",
        "shared/empty",
        "local counted = redis.call('HGET', own .. 'suspects', session) == 'crashed'",
        "local counted = false",
        "test_reap",
    ),
    lua(
        "crash-is-counted-twice",
        "shared/empty",
        "own .. 'crashes', id, 1)\n  if",
        "own .. 'crashes', id, 2)\n  if",
        "test_reap",
    ),
    lua("crash-keeps-no-evidence", "shared/empty", "  keep_attempt(id,", "  string.format('%s%s', id,", "test_reap"),
    lua("a-clean-close-counts-crashes", "shared/empty", "not (counted and crash(", "not (crash(", "test_close"),
    lua(
        "a-cancelled-task-counts-a-crash",
        "shared/empty",
        "      if is_cancelling(id) then\n",
        "      if is_cancelling(id) then\n        crash(session, id, token, math.huge)\n",
        "test_reap",
    ),
    lua(
        "a-cancelled-task-is-put-back-by-the-reaper", "shared/empty", "if is_cancelling(id) then", "if false then", "test_reap"
    ),
    lua("one-crash-more-than-allowed", "shared/empty", "if crashes < max_crashes", "if crashes <= max_crashes", "test_reap"),
    lua("a-slice-of-any-size", "shared/empty", "local SLICE = 500", "local SLICE = 5000", "test_reap"),
    lua(
        "reap-tells-no-watcher",
        "shared/history",
        "    tell_watchers(ids, outcomes, word)\n",
        "    if word ~= 'failed' then tell_watchers(ids, outcomes, word) end\n",
        "test_reap",
    ),
)

PUT_BACK = (
    lua(
        "put-back-makes-done-pending",
        "shared/put_back",
        "return word == 'in-progress' or word == 'pending' end",
        "return word end",
        "test_reap",
        "test_release",
    ),
    lua("put-back-at-the-wrong-end", "shared/put_back", "redis.call('RPUSH'", "redis.call('LPUSH'", "test_release"),
    lua(
        "put-back-wakes-nobody",
        "shared/put_back",
        "  redis.call('RPUSH', ready_key(queue), id)\n  wake(queue)\n",
        "  redis.call('RPUSH', ready_key(queue), id)\n",
        "test_release",
    ),
    lua(
        "put-back-into-the-default-queue",
        "shared/put_back",
        "string.match(token, '^%d+:(.+)$') or 'default'",
        "'default'",
        "test_release",
    ),
    lua(
        "wake-up-tokens-pile-up",
        "shared/wake",
        "if redis.pcall('LLEN', tokens) == 0 then redis.pcall('LPUSH', tokens, '1') end",
        "redis.pcall('LPUSH', tokens, '1')",
        "test_enqueue",
    ),
    lua(
        "a-sooner-task-wakes-nobody",
        "shared/wake",
        "  if redis.call('ZRANK', due, id) == 0 then wake(queue) end\n",
        "",
        "test_enqueue",
    ),
)

ENDS = (
    lua(
        "an-end-keeps-the-tries",
        "shared/history",
        "{ 'tries', 'crashes', 'watched' }",
        "{ 'crashes', 'watched' }",
        "test_finish",
    ),
    lua(
        "an-end-keeps-the-crashes",
        "shared/history",
        "{ 'tries', 'crashes', 'watched' }",
        "{ 'tries', 'watched' }",
        "test_finish",
    ),
    lua(
        "an-end-keeps-the-watchers",
        "shared/history",
        "{ 'tries', 'crashes', 'watched' }",
        "{ 'tries', 'crashes' }",
        "test_finish",
    ),
    lua(
        "a-cancelling-mark-outlives-its-run",
        "shared/history",
        "  redis.pcall('SREM', own .. 'cancelling', unpack(ids))\n",
        "",
        "test_finish",
    ),
    lua("an-end-tells-no-watcher", "shared/history", "    tell_watchers(ids, outcomes, word)\n", "", "test_finish"),
    lua(
        "an-end-tells-one-watcher-of-many",
        "shared/history",
        "ids[i] .. ' ' .. word .. ' ' .. small) end",
        "ids[i] .. ' ' .. word .. ' ' .. small) break end",
        "test_finish",
    ),
    lua(
        "cancel-tells-no-watcher",
        "shared/history",
        "    tell_watchers(ids, outcomes, word)\n",
        "    if word ~= 'cancelled' then tell_watchers(ids, outcomes, word) end\n",
        "test_cancel",
    ),
    lua(
        "an-end-at-another-time",
        "shared/history",
        '\'{"v":1,"ended_ms":%.0f%s}\', now_ms',
        '\'{"v":1,"ended_ms":%.0f%s}\', now_ms + 1000',
        "test_cancel",
    ),
    lua(
        "a-foreign-end-leaves-a-mark",
        "shared/history",
        "then forget({ id }) end",
        "then return end",
        "test_foreign_ends",
    ),
    lua(
        "the-newest-end-stands-last",
        "shared/history",
        "redis.pcall('LPUSH', own .. 'ended:' .. word",
        "redis.pcall('RPUSH', own .. 'ended:' .. word",
        "test_finish",
    ),
    lua(
        "trim-deletes-live-records",
        "shared/history",
        "if found[2 * i - 1] == word then",
        "if found[2 * i - 1] then",
        "test_finish",
    ),
    lua(
        "trim-ignores-the-floor",
        "shared/history",
        "if not old or math.abs(now_ms - ended_ms) < KEPT_MS then break end",
        "if not old then break end",
        "test_finish",
    ),
    lua(
        "trim-one-too-many", "shared/history", "local beyond = length - most", "local beyond = length - most + 1", "test_finish"
    ),
    lua(
        "trim-one-too-few", "shared/history", "local beyond = length - most", "local beyond = length - most - 1", "test_finish"
    ),
    lua(
        "trim-never-by-age",
        "shared/history",
        "if ended_ms >= now_ms - retention_ms then return end",
        "do return end",
        "test_finish",
    ),
    lua("trim-without-end", "shared/history", "TRIMMED_AT_ONCE = 500", "TRIMMED_AT_ONCE = 5000", "test_finish"),
    lua(
        "trim-leaves-the-attempts",
        "shared/history",
        "key .. ':result', key .. ':attempts' })",
        "key .. ':result' })",
        "test_finish",
    ),
    lua("cancel-marks-nothing", "cancel", "  redis.call('SADD', own .. 'cancelling', id)\n", ""),
    lua("cancel-tells-no-worker", "cancel", "  redis.pcall('PUBLISH', own .. 'cancel', id)\n", ""),
    lua("cancel-is-refused-when-memory-is-full", "cancel", "pass_memory_limit()\n", "", "test_memory"),
    lua("cancel-of-what-has-ended", "cancel", "or word == 'waiting' then", "or word == 'waiting' or word == 'done' then"),
    lua("retry-leaves-its-old-entry-in-ended", "retry", "redis.call('LREM', own .. 'ended:' .. word, 1, id)\n", ""),
    lua("retry-leaves-its-old-entry-in-the-queue", "retry", "redis.call('LREM', ready, -1, id)\n", ""),
    lua("retry-leaves-its-old-entry-among-the-due", "retry", "redis.pcall('ZREM', own .. 'due:' .. queue, id)\n", ""),
    lua("retry-of-one-that-has-run-since", "retry", "if length ~= seen then return 'stale' end\n", ""),
    lua("retry-does-not-know-its-repeat", "retry", "if by_hand and length == seen + 1 then return 'pending' end\n", ""),
    lua("retry-keeps-the-old-outcome", "retry", "redis.call('UNLINK', key .. ':result')\n", ""),
    lua("retry-keeps-the-tries", "retry", "redis.pcall('HDEL', own .. 'tries', id)\n", ""),
    lua("pause-sets-no-flag", "pause", "redis.call('SADD', own .. 'paused', queue)\n", ""),
    lua("pause-is-refused-when-memory-is-full", "pause", "pass_memory_limit()\n", "", "test_memory"),
    lua("resume-leaves-the-flag", "resume", "redis.call('SREM', own .. 'paused', queue)\n", ""),
    lua("resume-wakes-nobody", "resume", "then wake(queue) end", "then return 'resumed' end"),
    lua("watch-of-an-absent-record-registers", "watch", "elseif not found[1] and not found[3] then", "elseif false then"),
    lua("watch-forgets-the-other-watchers", "watch", "channels == '' and channel or channels .. ' ' .. channel", "channel"),
)

# A claim is given up whose task somebody else has ended: what is kept beside the task goes as well.
FOREIGN_ENDS = (
    lua("fail-leaves-what-a-foreign-end-left", "fail", "    forget_if_ended(id)\n", "", "test_foreign_ends"),
    lua("release-leaves-what-a-foreign-end-left", "release", "    forget_if_ended(id)\n", "", "test_foreign_ends"),
    lua("reap-leaves-what-a-foreign-end-left", "shared/empty", "      forget_if_ended(id)\n", "", "test_foreign_ends"),
)

# A script that ends tasks in a state, and that state.
TRIMMING = (
    ("finish", "done"),
    ("fail", "failed"),
    ("fail", "cancelled"),
    ("release", "cancelled"),
    ("close", "cancelled"),
    ("reap", "failed"),
    ("reap", "cancelled"),
)
TRIMS = tuple(
    lua(f"{script}-trims-no-{word}", script, f"trim_history('{word}', most, retention_ms)\n", "", "test_trimming")
    for script, word in TRIMMING
)

TABLE = (*CLAIM, *FINISH, *FAIL, *RELEASE, *ENQUEUE, *PROMOTE, *SESSIONS, *REAP, *PUT_BACK, *ENDS, *FOREIGN_ENDS, *TRIMS)
