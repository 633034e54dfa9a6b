-- history: end tasks, tell those who wait, and keep what has ended within its bounds.
-- A stored outcome begins {"v":1,"ended_ms":<13 digits>, so that its end can be read here without parsing it.
local ENDED = { done = true, failed = true, cancelled = true, expired = true }
local SMALL_OUTCOME = 8192 -- bytes that travel inside the message to a watcher
local KEPT_MS = 10000 -- what ended later than this ago is never trimmed, whatever the bound
local TRIMMED_AT_ONCE = 500

local function outcome_of(rest) return string.format('{"v":1,"ended_ms":%.0f%s}', now_ms, rest or '') end

local function tell_watchers(ids, outcomes, word)
  local watched = attempt('HMGET', own .. 'watched', unpack(ids))
  for i, channels in ipairs(watched) do
    if channels then
      local small = #outcomes[i] <= SMALL_OUTCOME and outcomes[i] or ''
      for channel in string.gmatch(channels, '%S+') do redis.pcall('PUBLISH', channel, ids[i] .. ' ' .. word .. ' ' .. small) end
    end
  end
end

-- What is kept beside a task while it lives.
local function forget(ids)
  for _, counts in ipairs({ 'tries', 'crashes', 'watched' }) do redis.pcall('HDEL', own .. counts, unpack(ids)) end
  redis.pcall('SREM', own .. 'cancelling', unpack(ids))
end

-- Somebody else, a foreign consumer, ended a task that we had claimed, and knows nothing of what is kept beside it.
local function forget_if_ended(id)
  if ENDED[redis.call('MGET', task .. id .. ':status')[1]] then forget({ id }) end
end

-- Every script that ends a task ends it here: word, outcome, what was kept beside it, watchers, history.
local function end_tasks(ids, outcomes, word)
  if #ids == 0 then return end
  local pairs_to_set = {}
  for i, id in ipairs(ids) do
    local n = 4 * i
    pairs_to_set[n - 3], pairs_to_set[n - 2] = task .. id .. ':result', outcomes[i]
    pairs_to_set[n - 1], pairs_to_set[n] = task .. id .. ':status', word
  end
  redis.call('MSET', unpack(pairs_to_set))
  if redis.call('EXISTS', own .. 'tries', own .. 'crashes', own .. 'cancelling', own .. 'watched') > 0 then
    tell_watchers(ids, outcomes, word)
    forget(ids)
  end
  redis.pcall('LPUSH', own .. 'ended:' .. word, unpack(ids))
  count(word, #ids)
end

-- Removes the oldest records of one state that are beyond its number or its age. Never a live record: an id whose word
-- is no longer this state (it was retried by hand) only leaves the list.
local function trim_history(word, most, retention_ms)
  local list = own .. 'ended:' .. word
  local length = redis.pcall('LLEN', list)
  if type(length) ~= 'number' or length == 0 then return end
  local beyond = length - most
  if beyond <= 0 then
    local last = redis.call('LINDEX', list, -1)
    local ended_ms = tonumber(string.sub(redis.call('MGET', task .. last .. ':result')[1] or '', 19, 31)) or 0
    if ended_ms >= now_ms - retention_ms then return end
  end
  local amount = beyond > 0 and math.min(beyond, TRIMMED_AT_ONCE) or TRIMMED_AT_ONCE
  local oldest = redis.call('LRANGE', list, -amount, -1)
  local looked = {}
  for i, id in ipairs(oldest) do
    looked[2 * i - 1], looked[2 * i] = task .. id .. ':status', task .. id .. ':result'
  end
  local found = redis.call('MGET', unpack(looked))
  local unlinked, passed = {}, 0
  for i = #oldest, 1, -1 do
    local ended_ms = tonumber(string.sub(found[2 * i] or '', 19, 31)) or 0
    if found[2 * i - 1] == word then
      local old = passed < beyond or ended_ms < now_ms - retention_ms
      if not old or math.abs(now_ms - ended_ms) < KEPT_MS then break end -- one ahead of the clock is no reason to stop
      local key = task .. oldest[i]
      for _, name in ipairs({ key, key .. ':status', key .. ':result', key .. ':attempts' }) do unlinked[#unlinked + 1] = name end
    end
    passed = passed + 1
  end
  if passed > 0 then redis.call('LTRIM', list, 0, -(passed + 1)) end
  if #unlinked > 0 then redis.call('UNLINK', unpack(unlinked)) end
end
