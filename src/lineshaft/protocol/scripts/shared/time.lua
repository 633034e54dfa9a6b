-- time: the server's clock in microseconds, or the time that a test gives as ARGV[1]. Numbers this large need '%.0f'.
local now_us
if ARGV[1] == '' then
  local clock = redis.call('TIME')
  now_us = clock[1] * 1000000 + clock[2]
else
  now_us = tonumber(ARGV[1])
end
local now_ms = math.floor(now_us / 1000)

-- Counters are a convenience: they never stop what they count, hence pcall.
local function count(counter, amount)
  if amount == 0 then return end
  local minute = own .. 'stats:' .. string.format('%.0f', math.floor(now_ms / 60000))
  if redis.pcall('HINCRBY', minute, counter, amount) == amount then redis.pcall('EXPIRE', minute, 86400) end
end
