-- reap: find sessions whose process has died, by two looks, and put their tasks back.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue
-- DERIVED  <p>lineshaft:sessions         zset  session -> end of its lease in ms
--          <p>lineshaft:suspects         hash  session -> ms of the first look, or "crashed" or "closed" while it is emptied
--          <p>lineshaft:owned:<s>        hash  id -> claim token; emptied
--          <p>lineshaft:session:<s>      hash  read: its own lease; kept for a day
--          and what putting back touches: <p>task_queue:<q>, <p>task:<id>:status, <p>task:<id>:result,
--          <p>task:<id>:attempts, <p>lineshaft:crashes, :tries, :cancelling, :watched, :wake:<q>, :ended:failed,
--          :ended:cancelled, :stats:<minute>; <p>task:<id> goes with a trimmed record
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  least time between the two looks, in ms   ARGV[3]  crashes after which a task is set aside
-- ARGV[4]  most tasks kept of a state   ARGV[5]  how long they are kept, in ms
-- ARGV[6]  a session whose process was seen to die, or "" to look
-- RETURNS  {word, last session emptied, claims freed, more}: "reaped" or "idle"; more: 1 when it should be called again at once, for
--          more may be left to do
-- COST     O(sessions over their lease + 500)
-- WHY      an outage or a clock jump makes every lease look over at once. So the first look only makes a suspect, a
--          renewal clears it, and only a second look, later, at a lease that was over at the first, reaps. Leaving
--          sessions and standing in suspects is one step, so a reaper that dies in between leaves a trace to go on from.
--@use keys
--@use time
--@use wake
--@use history
--@use put_back
--@use empty

local gap_ms, max_crashes, most, retention_ms = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local died = ARGV[6]
local SESSIONS_AT_ONCE = 100
pass_memory_limit()

local function is_emptied(mark) return mark == 'crashed' or mark == 'closed' end

local function begin_emptying(session)
  if is_emptied(redis.call('HGET', own .. 'suspects', session)) then return end
  redis.call('ZREM', own .. 'sessions', session)
  redis.call('HSET', own .. 'suspects', session, 'crashed')
end

-- A lease that ends more than one lease ahead counts as over: the clock went back.
local function is_over(session, lease_end)
  if lease_end < now_ms then return true end
  local lease_ms = tonumber(attempt('HGET', own .. 'session:' .. session, 'lease_ms'))
  return lease_ms ~= nil and lease_end > now_ms + lease_ms
end

-- One look at one session: makes it a suspect, or says that it was one for long enough.
local function look(session, lease_end)
  if not is_over(session, lease_end) then return false end
  local first_seen_ms = tonumber(redis.call('HGET', own .. 'suspects', session))
  local counts = first_seen_ms and first_seen_ms <= now_ms and (first_seen_ms > lease_end or lease_end > now_ms)
  if counts then return now_ms - first_seen_ms >= gap_ms end
  redis.call('HSET', own .. 'suspects', session, string.format('%.0f', now_ms))
  return false
end

-- Sessions that are being emptied already, or the one that was seen to die.
local function known_to_have_gone()
  local found = {}
  local marks = redis.call('HGETALL', own .. 'suspects')
  for i = 1, #marks, 2 do
    if is_emptied(marks[i + 1]) and (died == '' or died == marks[i]) then found[#found + 1] = marks[i] end
  end
  if #found == 0 and died ~= '' and redis.call('ZSCORE', own .. 'sessions', died) then found = { died } end
  return found
end

-- Sessions that this look, the second, finds over.
local function found_over()
  local found, sessions = {}, own .. 'sessions'
  for _, range in ipairs({ { 'ZRANGEBYSCORE', '-inf', '(' .. now_ms }, { 'ZREVRANGEBYSCORE', '+inf', '(' .. now_ms } }) do
    local ends = attempt(range[1], sessions, range[2], range[3], 'WITHSCORES', 'LIMIT', 0, SESSIONS_AT_ONCE)
    for i = 1, #ends, 2 do
      if look(ends[i], tonumber(ends[i + 1])) then found[#found + 1] = ends[i] end
    end
  end
  return found
end

-- Empties one after the other until one had something to give up; one whose claims cannot be read stands in nobody's way.
local function empty_first(sessions)
  local last = ''
  for _, session in ipairs(sessions) do
    if fits(own .. 'owned:' .. session, 'hash') then
      begin_emptying(session)
      local freed, left = empty_session(session, max_crashes)
      if freed > 0 then return session, freed, left end
      if not left then last = session end
    end
  end
  return last, 0, false
end

if died ~= '' then look_at_keys_of(died) end
local session, freed, left = empty_first(known_to_have_gone())
if freed == 0 and died == '' then
  local emptied = session
  session, freed, left = empty_first(found_over())
  if session == '' then session = emptied end
end
trim_history('failed', most, retention_ms)
trim_history('cancelled', most, retention_ms)
local more = freed > 0 and (left or died == '')
return { session == '' and 'idle' or 'reaped', session, freed, more and 1 or 0 }
