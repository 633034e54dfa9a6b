-- renew: lengthen the leases of sessions, and say which of their tasks must stop and what their workers were told.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:sessions         zset  session -> end of its lease in ms
--          <p>lineshaft:suspects         hash  loses the sessions that are there
--          <p>lineshaft:cancelling       set  read
--          <p>lineshaft:owned:<s>        hash  read
--          <p>lineshaft:session:<s>      hash  read: its field `order`
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2..]  session and its lease in ms, in turn
-- RETURNS  for each session "lost" when it has gone, else a list: its order, "quiet", "stop" or nothing, then the ids
--          that must stop
-- COST     O(sessions + marks), 500 marks at most
-- WHY      never brings back a session that has gone: its tasks may be another's by now. A session that is being emptied
--          has gone, and keeps its mark.
--@use keys
--@use time

local MARKS_AT_ONCE = 500
pass_memory_limit()
local marks = attempt('SRANDMEMBER', own .. 'cancelling', MARKS_AT_ONCE)
local answers = {}
for i = 2, #ARGV, 2 do
  local session, lease_ms = ARGV[i], tonumber(ARGV[i + 1])
  if redis.call('ZSCORE', own .. 'sessions', session) then
    redis.pcall('HDEL', own .. 'suspects', session)
    redis.call('ZADD', own .. 'sessions', now_ms + lease_ms, session)
    local order = attempt('HGET', own .. 'session:' .. session, 'order')
    local answer = { type(order) == 'string' and order or '' }
    local held = #marks > 0 and attempt('HMGET', own .. 'owned:' .. session, unpack(marks)) or {}
    for n, token in ipairs(held) do
      if token then answer[#answer + 1] = marks[n] end
    end
    answers[#answers + 1] = answer
  else
    answers[#answers + 1] = 'lost'
  end
end
return answers
