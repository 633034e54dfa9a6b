-- close: end a session cleanly; what it still owns is put back uncounted.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue
-- DERIVED  <p>lineshaft:sessions         zset  loses the session
--          <p>lineshaft:suspects         hash  session -> "closed" until it owns nothing
--          <p>lineshaft:owned:<s>        hash  id -> claim token; emptied
--          <p>lineshaft:session:<s>      hash  kept for a day
--          and what putting back touches: <p>task_queue:<q>, <p>task:<id>:status, <p>task:<id>:result,
--          <p>lineshaft:cancelling, :tries, :crashes, :watched, :wake:<q>, :ended:cancelled, :stats:<minute>
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  session   ARGV[3]  most cancelled tasks kept   ARGV[4]  how long they are kept, in ms
-- RETURNS  {"closed", claims freed}; {"more", claims freed} when it must be called again
-- COST     O(500) at most
-- WHY      the mark in suspects lets any reaper go on, uncounted, when the caller dies between two slices.
--@use keys
--@use time
--@use wake
--@use history
--@use put_back
--@use empty

local session, most, retention_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
look_at_keys_of(session)
pass_memory_limit()
if redis.call('ZREM', own .. 'sessions', session) == 1 then
  redis.call('HSET', own .. 'suspects', session, 'closed')
elseif not redis.call('HGET', own .. 'suspects', session) then
  return { 'closed', 0 }
end
local freed, left = empty_session(session, math.huge)
trim_history('cancelled', most, retention_ms)
return { left and freed > 0 and 'more' or 'closed', freed }
