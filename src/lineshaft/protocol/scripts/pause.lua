-- pause: nobody claims from a queue any more, until it is resumed.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:paused           set  gets the queue's name; read by every claim
--          <p>lineshaft:suspects         hash  touched, not changed
-- ARGV[1]  queue
-- RETURNS  "paused" (also when it was before)
-- COST     O(1)
-- WHY      a claim reads the flag inside its own script, so no claim after this answer takes a task of the queue. What runs
--          goes on, and tasks are still accepted and still become due.
--@use keys

local queue = ARGV[1]
pass_memory_limit()
redis.call('SADD', own .. 'paused', queue)
return 'paused'
