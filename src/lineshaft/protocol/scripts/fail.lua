-- fail: end a batch of tries that failed: due again later, or failed for good.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:owned:<s>        hash  id -> claim token; loses the ended
--          <p>task:<id>:status           string  "scheduled", "failed" or "cancelled"
--          <p>task:<id>:attempts         list  one JSON for each failed try or crash, oldest left
--          <p>task:<id>:result           string  outcome, when it ends for good
--          <p>lineshaft:due:<q>          zset  id -> ms
--          <p>lineshaft:tries            hash  id -> failed tries so far
--          <p>lineshaft:cancelling       set  read: a task that was asked to stop is not put back
--          <p>lineshaft:ended:failed, :ended:cancelled  lists; trimmed
--          <p>lineshaft:crashes, :watched, :wake:<q>, :stats:<minute>, :suspects
--          <p>task:<id>                  removed with a trimmed record
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  session   ARGV[3]  most tasks kept of a state   ARGV[4]  how long they are kept, in ms
-- ARGV[5..]  for each task: id, claim token, attempt, delay in ms or "" when it is out of tries, outcome.
--          None at all only trims.
-- RETURNS  a word for each: "scheduled", "failed", "cancelled", "freed" (somebody else had ended the task; only the claim
--          was given up), "repeat" (an earlier call did this), "lost", "damaged" (a key has another type; nothing was changed)
-- COST     O(batch)
-- WHY      the attempt names its claim, so a repeat after a lost reply is recognised by it.
--@use keys
--@use time
--@use wake
--@use history
--@use put_back

local session, most, retention_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local owned = own .. 'owned:' .. session
pass_memory_limit()

local function end_claimed(id, evidence, outcome, word)
  redis.call('HDEL', owned, id)
  keep_attempt(id, evidence)
  end_tasks({ id }, { outcome }, word)
  return word
end

local function fail(id, token, evidence, delay_ms, outcome)
  if redis.call('HGET', owned, id) ~= token then
    local stored = redis.call('MGET', task .. id .. ':result')[1]
    local last = attempt('LINDEX', task .. id .. ':attempts', -1)
    return (stored == outcome or last == evidence) and 'repeat' or 'lost'
  end
  if not is_live(redis.call('MGET', task .. id .. ':status')[1]) then
    redis.call('HDEL', owned, id)
    forget_if_ended(id)
    return 'freed'
  end
  if is_cancelling(id) then return end_claimed(id, evidence, outcome, 'cancelled') end
  if delay_ms == '' then return end_claimed(id, evidence, outcome, 'failed') end
  local queue = queue_of(token)
  if not fits(own .. 'due:' .. queue, 'zset') or not fits(own .. 'tries', 'hash') then return 'damaged' end
  redis.call('HDEL', owned, id)
  if type(redis.pcall('HINCRBY', own .. 'tries', id, 1)) ~= 'number' then redis.call('HSET', own .. 'tries', id, 1) end
  keep_attempt(id, evidence)
  redis.call('SET', task .. id .. ':status', 'scheduled')
  make_due(queue, id, now_ms + tonumber(delay_ms))
  count('retried', 1)
  return 'scheduled'
end

local words = {}
for i = 5, #ARGV, 5 do words[#words + 1] = fail(unpack(ARGV, i, i + 4)) end
trim_history('failed', most, retention_ms)
trim_history('cancelled', most, retention_ms)
return words
