-- resume: a queue that was paused may be claimed from again.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:paused           set  loses the queue's name
--          <p>lineshaft:wake:<q>         list  gets a wake-up token, where anything is ready
--          <p>lineshaft:suspects         hash  touched, not changed
--          read: <p>task_queue:<q>
-- ARGV[1]  queue
-- RETURNS  "resumed" (also when it was not paused)
-- COST     O(1)
-- WHY      tokens that came while the queue was paused were used up in vain: without a new one, idle workers would start
--          only with their next safety claim.
--@use keys
--@use wake

local queue = ARGV[1]
pass_memory_limit()
redis.call('SREM', own .. 'paused', queue)
if redis.call('EXISTS', ready_key(queue)) == 1 then wake(queue) end
return 'resumed'
