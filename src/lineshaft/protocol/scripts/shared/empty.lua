-- empty: put back a slice of the tasks of a session that has gone. The session stands in suspects, marked as being
-- emptied, until nothing is left, so whoever looks next goes on where this call stopped.
local SLICE = 500
local SESSION_KEPT_S = 86400

local function end_session(session)
  redis.call('HDEL', own .. 'suspects', session)
  redis.call('EXPIRE', own .. 'session:' .. session, SESSION_KEPT_S)
end

-- Counts the crash, and says whether the task has now crashed too often.
local function crash(session, id, token, max_crashes)
  local number = string.match(token, '^%d+') or '0'
  local crashes = redis.pcall('HINCRBY', own .. 'crashes', id, 1)
  if type(crashes) ~= 'number' then
    crashes = 1
    redis.pcall('HSET', own .. 'crashes', id, 1)
  end
  keep_attempt(id, string.format('{"v":1,"kind":"crash","at_ms":%.0f,"session":"%s","claim":%s}', now_ms, session, number))
  if crashes < max_crashes then return false end
  local message = string.format('"message":"its worker process died %d times while running it"', crashes)
  local tries = tonumber(attempt('HGET', own .. 'tries', id)) or 0
  local rest = ',"tries":%d,"crashes":%d,"error":{"type":"TooManyCrashes",%s,"traceback":""}'
  end_tasks({ id }, { outcome_of(string.format(rest, tries, crashes, message)) }, 'failed')
  return true
end

-- Raises, before anything was written, where the session's own keys have other types.
local function look_at_keys_of(session)
  redis.call('ZSCORE', own .. 'sessions', session)
  redis.call('HEXISTS', own .. 'suspects', session)
  redis.call('HLEN', own .. 'owned:' .. session)
end

-- Puts back up to SLICE tasks of the session; gives how many claims it freed and whether some are left.
local function empty_session(session, max_crashes)
  local owned = own .. 'owned:' .. session
  local counted = redis.call('HGET', own .. 'suspects', session) == 'crashed'
  local claims = redis.call('HRANDFIELD', owned, SLICE, 'WITHVALUES')
  local freed = {}
  for i = 1, #claims, 2 do
    local id, token = claims[i], claims[i + 1]
    freed[#freed + 1] = id
    if is_live(redis.call('MGET', task .. id .. ':status')[1]) then
      if is_cancelling(id) then
        end_tasks({ id }, { outcome_of() }, 'cancelled')
      elseif not fits(ready_key(queue_of(token)), 'list') then
        freed[#freed] = nil
      elseif not (counted and crash(session, id, token, max_crashes)) then
        make_ready(id, token)
      end
    else
      forget_if_ended(id)
    end
  end
  if #freed > 0 then redis.call('HDEL', owned, unpack(freed)) end
  local left = redis.call('HLEN', owned)
  if left == 0 then end_session(session) end
  count(counted and 'crashed' or 'released', #freed)
  return #freed, left > 0
end
