-- watch: answer how tasks ended, or promise to tell a channel when they do.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>task:<id>:status           string  read
--          <p>task:<id>:result           string  read
--          <p>task:<id>                  string  read: is there a record at all
--          <p>lineshaft:watched          hash  id -> channels, separated by spaces
-- ARGV[1]  the caller's channel   ARGV[2..]  ids
-- RETURNS  for each id {word, outcome or ""} when it has ended, "gone" when there is no record, else "watching"
-- COST     O(ids)
-- WHY      an absent record is never registered: nothing would ever end it, and the hash would grow.
--@use keys

local channel = ARGV[1]
local CHANNELS_KEPT = 4096 -- characters; the oldest go first, and ask again by themselves
local ENDED = { done = true, failed = true, cancelled = true, expired = true }

local function register(id)
  local channels = redis.call('HGET', own .. 'watched', id) or ''
  if string.find(' ' .. channels .. ' ', ' ' .. channel .. ' ', 1, true) then return end
  local joined = channels == '' and channel or channels .. ' ' .. channel
  if #joined > CHANNELS_KEPT then joined = string.match(joined, ' (.+)$', #joined - CHANNELS_KEPT) or channel end
  redis.call('HSET', own .. 'watched', id, joined)
end

local answers = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local found = redis.call('MGET', task .. id .. ':status', task .. id .. ':result', task .. id)
  if found[1] and ENDED[found[1]] then
    answers[#answers + 1] = { found[1], found[2] or '' }
  elseif not found[1] and not found[3] then
    answers[#answers + 1] = 'gone'
  else
    register(id)
    answers[#answers + 1] = 'watching'
  end
end
return answers
