-- watch: answer how tasks ended, or promise to tell a channel when they do.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>task:<id>:status           string  read
--          <p>task:<id>:result           string  read
--          <p>task:<id>                  string  read: is there a record at all
--          <p>lineshaft:watched          hash  id -> channels, separated by spaces
--          <p>lineshaft:cancelling       set  loses an ended id that a foreign consumer left there
-- ARGV[1]  the caller's channel   ARGV[2..]  ids
-- RETURNS  for each id {word, outcome or ""} when it has ended, "gone" when there is no record, else "watching"
-- COST     O(ids)
-- WHY      an absent record is never registered: nothing would ever end it, and the hash would grow.
--@use keys

local channel = ARGV[1]
local CHANNELS_KEPT = 4096 -- characters; the oldest go first, and ask again by themselves
local BYTES_AT_ONCE = 4194304 -- of outcomes in one answer; the others are "watching" still, and asked about again
local ENDED = { done = true, failed = true, cancelled = true, expired = true }

local function register(id)
  local channels = redis.call('HGET', own .. 'watched', id) or ''
  if string.find(' ' .. channels .. ' ', ' ' .. channel .. ' ', 1, true) then return end
  local joined = channels == '' and channel or channels .. ' ' .. channel
  if #joined > CHANNELS_KEPT then joined = string.match(joined, ' (.+)$', #joined - CHANNELS_KEPT) or channel end
  redis.pcall('HSET', own .. 'watched', id, joined) -- refused when memory is full: then the caller asks again by itself
end

local answers, told, bytes = {}, {}, 0
for i = 2, #ARGV do
  local id = ARGV[i]
  local found = redis.call('MGET', task .. id .. ':status', task .. id .. ':result', task .. id)
  if found[1] and ENDED[found[1]] and bytes <= BYTES_AT_ONCE then
    bytes = bytes + #(found[2] or '')
    answers[#answers + 1] = { found[1], found[2] or '' }
    told[#told + 1] = id
  elseif not found[1] and not found[3] then
    answers[#answers + 1] = 'gone'
  else
    register(id)
    answers[#answers + 1] = 'watching'
  end
end
if #told > 0 then -- left behind where a foreign consumer ended it and told nobody
  redis.pcall('HDEL', own .. 'watched', unpack(told))
  redis.pcall('SREM', own .. 'cancelling', unpack(told))
end
return answers
