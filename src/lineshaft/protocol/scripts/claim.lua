-- claim: take the oldest ready tasks of some queues and make them this session's.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue, oldest at the right
-- DERIVED  <p>task_queue:<q>             list  of another queue
--          <p>task:<id>:status           string  "pending" -> "in-progress"
--          <p>lineshaft:owned:<s>        hash  id -> claim token "<claim number>:<queue>"
--          <p>lineshaft:clock            string  last claim number
--          <p>lineshaft:strays           zset  id -> ms first seen without a word
--          <p>lineshaft:set_aside        list  what is no task at all, newest left, bounded
--          <p>lineshaft:wake:<q>, <p>lineshaft:stats:<minute>
--          read: <p>task:<id>, <p>lineshaft:sessions, :paused, :queues, :tries, :crashes, :suspects; with ARGV[4] also <p>lineshaft:due:<q>
-- ARGV[1]  now in us, or "" for the server's time   ARGV[2]  session   ARGV[3]  free slots (500 at most)
-- ARGV[4]  own lease in ms to look around too, or ""   ARGV[5..]  queues, the most wanted first
-- RETURNS  "lost": the session has gone; "expired": its lease is over, renew and wait; else
--          {claim number, more, ids, envelopes, tokens, tries, crashes, {ms until the next is due or "", sessions to look at, queues known}}
--          more: 1 when ready tasks are left that this call could have taken. tries and crashes are empty when all are 0.
-- COST     O(slots + queues)
-- WHY      looks before it pops: an error after a pop would lose the id, for a script does not undo its writes.
--          Only an id whose word is exactly "pending" is taken, once; so a cancelled one, one that a foreign consumer
--          took and one that was pushed twice are passed over, and dropped. The number is one for the whole call.
--@use keys
--@use time
--@use wake
--@use next_due

local session, slots, look = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local SET_ASIDE_KEPT, SET_ASIDE_LENGTH = 1000, 256

local lease_end = redis.call('ZSCORE', own .. 'sessions', session)
if not lease_end then return 'lost' end
if tonumber(lease_end) < now_ms then return 'expired' end

local paused = {}
for _, queue in ipairs(attempt('SMEMBERS', own .. 'paused')) do paused[queue] = true end
local ids, queues_of, status_of = {}, {}, {}
local passed, aside, strays, dropped = {}, {}, {}, 0 -- passed: queue -> how many entries leave its right end
for i = 5, #ARGV do
  local queue = ARGV[i]
  local free = slots - #ids
  local listed = free > 0 and not paused[queue] and attempt('LRANGE', ready_key(queue), -free, -1) or {}
  if #listed > 0 then
    local status_keys = {}
    for n, id in ipairs(listed) do status_keys[n] = task .. id .. ':status' end
    local words = redis.call('MGET', unpack(status_keys))
    local all_legal = not string.find(table.concat(listed), '[^%w_-]') -- one pass over all; each is looked at only if need be
    for n = #listed, 1, -1 do
      local id = listed[n]
      if #id == 0 or #id > 64 or not (all_legal or string.find(id, '^[%w_-]+$')) then
        aside[#aside + 1] = string.sub(id, 1, SET_ASIDE_LENGTH)
      elseif words[n] == 'pending' and not queues_of[id] then
        ids[#ids + 1], queues_of[id], status_of[id] = id, queue, status_keys[n]
      elseif not words[n] and queue == 'default' then
        strays[#strays + 1] = id
      else
        dropped = dropped + 1
      end
    end
    passed[queue] = math.max(passed[queue] or 0, #listed)
  end
end

local tokens, claims, started, envelopes, tries, crashes, number = {}, {}, {}, {}, {}, {}, 0
if #ids > 0 then
  number = math.max((tonumber(redis.call('MGET', own .. 'clock')[1]) or 0) + 1, now_us)
  local task_keys = {}
  for n, id in ipairs(ids) do task_keys[n] = task .. id end
  envelopes = redis.call('MGET', unpack(task_keys))
  for n, key in ipairs(task_keys) do -- no envelope is a foreign task; a key of another type is a damaged one
    if not envelopes[n] and redis.call('EXISTS', key) == 1 then envelopes[n] = 'damaged' end
  end
  if redis.call('EXISTS', own .. 'tries', own .. 'crashes') > 0 then
    tries = attempt('HMGET', own .. 'tries', unpack(ids))
    crashes = attempt('HMGET', own .. 'crashes', unpack(ids))
  end
  local token_of = {}
  for queue in pairs(passed) do token_of[queue] = string.format('%.0f:%s', number, queue) end
  for n, id in ipairs(ids) do
    tokens[n] = token_of[queues_of[id]]
    claims[2 * n - 1], claims[2 * n] = id, tokens[n]
    started[2 * n - 1], started[2 * n] = status_of[id], 'in-progress'
  end
end

redis.call('HLEN', own .. 'owned:' .. session) -- raises here, before any write, where the key has another type
pass_memory_limit()
if next(passed) then
  for queue, amount in pairs(passed) do redis.call('LTRIM', ready_key(queue), 0, -(amount + 1)) end
  if #ids > 0 then
    redis.call('HSET', own .. 'owned:' .. session, unpack(claims))
    redis.call('MSET', unpack(started))
    redis.call('SET', own .. 'clock', string.format('%.0f', number))
  end
  for _, id in ipairs(strays) do redis.pcall('ZADD', own .. 'strays', 'NX', now_ms, id) end
  if #aside > 0 then
    redis.pcall('LPUSH', own .. 'set_aside', unpack(aside))
    redis.pcall('LTRIM', own .. 'set_aside', 0, SET_ASIDE_KEPT - 1)
  end
  count('claimed', #ids)
  count('dropped', dropped)
  count('strayed', #strays)
  count('set_aside', #aside)
end
local more, around = 0, {}
-- Whoever leaves ready tasks behind passes the wake-up token on; with no free slot that is all a claim does.
for i = 5, #ARGV do
  local queue = ARGV[i]
  local looked_at_all = slots > #ids and not passed[queue]
  if not paused[queue] and not looked_at_all and redis.call('EXISTS', ready_key(queue)) == 1 then
    more = 1
    wake(queue)
  end
end

if look ~= '' then
  local first = tonumber(redis.call('ZRANGE', own .. 'sessions', 0, 0, 'WITHSCORES')[2])
  local last = tonumber(redis.call('ZRANGE', own .. 'sessions', -1, -1, 'WITHSCORES')[2])
  local to_look_at = first < now_ms or last > now_ms + look or redis.call('EXISTS', own .. 'suspects') == 1
  around = { next_due_ms(5, 0), to_look_at and 1 or 0, tonumber(attempt('SCARD', own .. 'queues')) or 0 }
end
return { string.format('%.0f', number), more, ids, envelopes, tokens, tries, crashes, around }
