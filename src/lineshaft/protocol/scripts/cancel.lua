-- cancel: end a task that has not started; ask one that runs to stop.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>task:<id>:status           string  "cancelled" when it had not started
--          <p>task:<id>:result           string  outcome
--          <p>lineshaft:cancelling       set  gets the id of a task in progress
--          <p>lineshaft:cancel           channel  a hint to the worker that runs it
--          <p>lineshaft:ended:cancelled  list  newest left; trimmed
--          <p>lineshaft:tries, :crashes, :watched, :stats:<minute>, :suspects
--          <p>task:<id>, <p>task:<id>:attempts  removed with a trimmed record
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  most cancelled tasks kept   ARGV[3]  how long they are kept, in ms   ARGV[4]  id
-- RETURNS  "cancelled" (also when it was before), "cancelling", "unknown", or the word it has ended with
-- COST     O(1)
-- WHY      the entry in its ready list or its due set stays behind: whoever meets it there drops it, for its word says so.
--@use keys
--@use time
--@use history

local most, retention_ms, id = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
pass_memory_limit()
local word = redis.call('MGET', task .. id .. ':status')[1]
if not word then return 'unknown' end
if word == 'in-progress' then
  redis.call('SADD', own .. 'cancelling', id)
  redis.pcall('PUBLISH', own .. 'cancel', id)
  return 'cancelling'
end
if word == 'pending' or word == 'scheduled' or word == 'waiting' then
  end_tasks({ id }, { outcome_of() }, 'cancelled')
  trim_history('cancelled', most, retention_ms)
  return 'cancelled'
end
return word
