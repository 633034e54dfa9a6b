-- order: tell one worker to claim nothing more, or to stop as well.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:sessions         zset  read
--          <p>lineshaft:session:<s>      hash  its field `order` is set; every renewal reads it
--          <p>lineshaft:suspects         hash  touched, not changed
-- ARGV[1]  session   ARGV[2]  "quiet" or "stop"
-- RETURNS  the order that stands from now on, "quiet" or "stop"; "gone" when the session is not open
-- COST     O(1)
-- WHY      it is kept beside the lease, so no message can be lost: whoever renews the session hears of it each time. It
--          belongs to the session: a worker that comes after this one has not been told anything. A worker that stops is
--          not held up by being told to be quiet.
--@use keys

local session, order = ARGV[1], ARGV[2]
local record = own .. 'session:' .. session
if not redis.call('ZSCORE', own .. 'sessions', session) then return 'gone' end
if redis.call('HGET', record, 'order') == 'stop' then return 'stop' end
pass_memory_limit()
redis.call('HSET', record, 'order', order)
return order
