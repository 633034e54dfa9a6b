-- wake: leave one wake-up token for an idle worker of the queue. A hint, hence pcall: a lost token costs latency, never a task.
local function wake(queue)
  local tokens = own .. 'wake:' .. queue
  if redis.pcall('LLEN', tokens) == 0 then redis.pcall('LPUSH', tokens, '1') end
end

-- Makes a task due at a time, and wakes a worker if its timer must now be set earlier.
local function make_due(queue, id, due_ms)
  local due = own .. 'due:' .. queue
  redis.call('ZADD', due, due_ms, id)
  if redis.call('ZRANK', due, id) == 0 then wake(queue) end
end
