-- put_back: give up claims and make their tasks ready again, uncounted or as crashes.
local ATTEMPTS_KEPT = 1000

-- The record of a task is touched only while its word is one of these; otherwise only the claim is given up.
local function is_live(word) return word == 'in-progress' or word == 'pending' end

local function is_cancelling(id) return redis.pcall('SISMEMBER', own .. 'cancelling', id) == 1 end

-- Evidence, hence pcall: a damaged list of attempts stops nothing.
local function keep_attempt(id, evidence)
  redis.pcall('RPUSH', task .. id .. ':attempts', evidence)
  redis.pcall('LTRIM', task .. id .. ':attempts', -ATTEMPTS_KEPT, -1)
end

-- A claim token is <claim number>:<queue>.
local function queue_of(token) return string.match(token, '^%d+:(.+)$') or 'default' end

local function make_ready(id, token)
  local queue = queue_of(token)
  redis.call('SET', task .. id .. ':status', 'pending')
  redis.call('RPUSH', ready_key(queue), id)
  wake(queue)
end
