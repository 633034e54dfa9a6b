-- open: begin a session, the lease under which one boot of one worker process claims tasks.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:sessions         zset  session -> end of its lease in ms
--          <p>lineshaft:session:<s>      hash  who it is; outlives the session by a day
--          <p>lineshaft:suspects         hash  touched, not changed
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  session   ARGV[3]  lease in ms   ARGV[4..]  field and value of the session's hash, in turn
-- RETURNS  "opened"; "repeat" when it is open already; "gone" when it was closed or reaped
-- COST     O(1)
-- WHY      a session that was ever known is never opened again, so an open that arrives late revives nobody.
--@use keys
--@use time

local session, lease_ms = ARGV[2], tonumber(ARGV[3])
local record = own .. 'session:' .. session
pass_memory_limit()
local lease_end = redis.call('ZSCORE', own .. 'sessions', session)
if redis.call('EXISTS', record) == 1 then return lease_end and 'repeat' or 'gone' end
redis.call('HSET', record, unpack(ARGV, 4))
redis.call('ZADD', own .. 'sessions', now_ms + lease_ms, session)
return 'opened'
