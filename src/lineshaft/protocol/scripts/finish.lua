-- finish: end a batch of claimed tasks with their results.
--
-- KEYS[1]  <p>task_queue                 the shard
-- DERIVED  <p>lineshaft:owned:<s>        hash  id -> claim token; loses the ended
--          <p>task:<id>:result           string  outcome
--          <p>task:<id>:status           string  "done"
--          <p>lineshaft:ended:done       list  newest left; trimmed
--          <p>lineshaft:tries, :crashes, :cancelling, :watched  cleared of the ended
--          <p>task:<id>, <p>task:<id>:attempts  removed with a trimmed record
--          <p>lineshaft:stats:<minute>, <p>lineshaft:suspects
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  session   ARGV[3]  most done tasks kept   ARGV[4]  how long they are kept, in ms
-- ARGV[5..]  for each task: id, claim token, outcome. None at all only trims.
-- RETURNS  "done" when all were accepted; else a word for each: "done", "repeat" (this very outcome is stored: the reply
--          to an earlier call was lost), "lost" (the claim is no longer this run's; nothing was changed)
-- COST     O(batch), plus 500 trimmed at most
-- WHY      looks at the token only, never at the lease: a run that still owns its claim may end late.
--@use keys
--@use time
--@use history

local session, most, retention_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local owned = own .. 'owned:' .. session
pass_memory_limit()

local asked = {}
for i = 5, #ARGV, 3 do asked[#asked + 1] = ARGV[i] end
local words, ids, outcomes, all_done = {}, {}, {}, true
local held = #asked > 0 and redis.call('HMGET', owned, unpack(asked)) or {}
local spent = {}
for n, id in ipairs(asked) do
  local token, outcome = ARGV[3 * n + 3], ARGV[3 * n + 4]
  if held[n] == token and not spent[id] then
    spent[id] = true
    words[n], ids[#ids + 1], outcomes[#outcomes + 1] = 'done', id, outcome
  else
    all_done = false
    words[n] = redis.call('MGET', task .. id .. ':result')[1] == outcome and 'repeat' or 'lost'
  end
end
if #ids > 0 then redis.call('HDEL', owned, unpack(ids)) end
end_tasks(ids, outcomes, 'done')
trim_history('done', most, retention_ms)
return all_done and 'done' or words
