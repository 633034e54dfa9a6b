-- promote: make due tasks ready, and look again at ids that were pushed before they had a status.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue
-- DERIVED  <p>lineshaft:due:<q>          zset  id -> ms; loses the due
--          <p>task:<id>:status           string  "scheduled" -> "pending"
--          <p>task_queue:<q>             list  gets the ids at its left end
--          <p>lineshaft:strays           zset  id -> ms first seen
--          <p>lineshaft:cancelling       set  a marked task ends cancelled
--          <p>task:<id>:result, <p>lineshaft:ended:cancelled, :tries, :crashes, :watched, :wake:<q>, :stats:<minute>, :suspects
--          <p>task:<id>, <p>task:<id>:attempts  removed with a trimmed record
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  most cancelled tasks kept   ARGV[3]  how long they are kept, in ms
-- ARGV[4..]  queues
-- RETURNS  {how many are ready now, ms until the next is due or "", more}: more is 1 when it should be called again at once
-- COST     O(500 log due)
-- WHY      only an id whose word is exactly "scheduled" is made ready; a cancelled or retried one is dropped.
--@use keys
--@use time
--@use wake
--@use history
--@use put_back
--@use next_due

local AT_ONCE = 500
local STRAY_KEPT_MS = 60000
pass_memory_limit()

local function words_of(ids)
  local status_keys = {}
  for n, id in ipairs(ids) do status_keys[n] = task .. id .. ':status' end
  return redis.call('MGET', unpack(status_keys))
end

local function promote_queue(queue, room)
  local due, ready = own .. 'due:' .. queue, ready_key(queue)
  if room == 0 or not fits(due, 'zset') or not fits(ready, 'list') then return 0, 0 end
  local ids = redis.call('ZRANGEBYSCORE', due, '-inf', now_ms, 'LIMIT', 0, room)
  if #ids == 0 then return 0, 0 end
  local words, promoted, statuses = words_of(ids), {}, {}
  redis.call('ZREM', due, unpack(ids))
  for n, id in ipairs(ids) do
    if words[n] == 'scheduled' then
      if is_cancelling(id) then
        end_tasks({ id }, { outcome_of() }, 'cancelled')
      else
        promoted[#promoted + 1] = id
        statuses[#statuses + 1], statuses[#statuses + 2] = task .. id .. ':status', 'pending'
      end
    end
  end
  if #promoted > 0 then
    redis.call('MSET', unpack(statuses))
    redis.call('LPUSH', ready, unpack(promoted))
    wake(queue)
  end
  return #ids, #promoted
end

-- Strays: the oldest, which may have had their time, and the newest, whose producer is likely just about to name a word.
local function promote_strays()
  local strays = own .. 'strays'
  if not fits(strays, 'zset') or not fits(KEYS[1], 'list') then return 0, 0 end
  local seen_before_ms = now_ms - STRAY_LOOK_MS
  local promoted, gone = 0, 0
  for _, range in ipairs({ { 'ZRANGEBYSCORE', '-inf', seen_before_ms }, { 'ZREVRANGEBYSCORE', seen_before_ms, '-inf' } }) do
    local found = redis.call(range[1], strays, range[2], range[3], 'WITHSCORES', 'LIMIT', 0, AT_ONCE)
    local ids, since_ms = {}, {}
    for i = 1, #found, 2 do ids[#ids + 1], since_ms[#since_ms + 1] = found[i], tonumber(found[i + 1]) end
    for n, word in ipairs(#ids > 0 and words_of(ids) or {}) do
      if word or since_ms[n] < now_ms - STRAY_KEPT_MS then gone = gone + redis.call('ZREM', strays, ids[n]) end
      if word == 'pending' then
        redis.call('RPUSH', KEYS[1], ids[n])
        promoted = promoted + 1
      end
    end
  end
  if promoted > 0 then wake('default') end
  count('dropped', gone - promoted)
  return promoted, gone
end

local taken = 0
local promoted, strays_gone = promote_strays()
for i = 4, #ARGV do
  local looked_at, made_ready = promote_queue(ARGV[i], AT_ONCE - taken)
  taken, promoted = taken + looked_at, promoted + made_ready
end
count('promoted', promoted)
trim_history('cancelled', tonumber(ARGV[2]), tonumber(ARGV[3]))
local more = taken == AT_ONCE or strays_gone >= AT_ONCE
return { promoted, next_due_ms(4, STRAY_LOOK_MS), more and 1 or 0 }
