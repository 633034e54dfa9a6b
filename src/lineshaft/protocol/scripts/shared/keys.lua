-- keys: the shard's keys, as protocol/keys.py spells them. KEYS[1] is <p>task_queue: it routes the call and names the shard.
local prefix = string.sub(KEYS[1], 1, -11)
local own = prefix .. 'lineshaft:'
local task = prefix .. 'task:'

local function ready_key(queue)
  if queue == 'default' then return KEYS[1] end
  return KEYS[1] .. ':' .. queue
end

-- A write that memory pressure never refuses and that changes nothing: once a script has made one, its later writes
-- pass over maxmemory. Every script that must work when memory is full calls this first.
local function pass_memory_limit() redis.pcall('HDEL', own .. 'suspects', '') end

-- For what is kept beside the tasks and must never stop them: an error, such as a key of another type, reads as nothing.
local function attempt(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then return {} end
  return reply
end

-- Says whether a key can take writes of this type, so that no write raises after an earlier one was made.
local function fits(key, kind)
  local found = redis.call('TYPE', key).ok
  return found == kind or found == 'none'
end
