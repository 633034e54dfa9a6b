-- next_due: in how many ms something becomes due, so that a worker can set a timer.
local STRAY_LOOK_MS = 1000

-- A stray that is new is looked at when it is that old; how soon the others are looked at again, the caller says.
local function next_stray_ms(again_ms)
  local new = attempt('ZRANGEBYSCORE', own .. 'strays', '(' .. now_ms - STRAY_LOOK_MS, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  if new then return math.max(0, new + STRAY_LOOK_MS - now_ms) end
  return attempt('ZRANGE', own .. 'strays', 0, 0)[1] and again_ms
end

-- Of the queues from ARGV[first] on, and of the strays; "" when nothing is.
local function next_due_ms(first, strays_again_ms)
  local soonest = next_stray_ms(strays_again_ms)
  for i = first, #ARGV do
    local due = tonumber(attempt('ZRANGE', own .. 'due:' .. ARGV[i], 0, 0, 'WITHSCORES')[2])
    if due and (not soonest or due - now_ms < soonest) then soonest = math.max(0, due - now_ms) end
  end
  return soonest or ''
end
