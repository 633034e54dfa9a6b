-- release: hand claimed tasks back uncounted, to be run first, or after a delay.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue
-- DERIVED  <p>lineshaft:owned:<s>        hash  id -> claim token; loses the released
--          <p>task:<id>:status           string  "pending", "scheduled" or "cancelled"
--          <p>task_queue:<q>             list  gets the id at its right end
--          <p>lineshaft:due:<q>          zset  id -> ms, with a delay
--          <p>task:<id>:attempts         list  gets the note once, where there is one
--          <p>task:<id>:result           string  outcome of a task that was asked to stop
--          <p>lineshaft:cancelling, :tries, :crashes, :watched, :wake:<q>, :ended:cancelled, :stats:<minute>, :suspects
--          <p>task:<id>                  removed with a trimmed record
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  session   ARGV[3]  most cancelled tasks kept   ARGV[4]  how long they are kept, in ms
-- ARGV[5..]  for each task: id, claim token, delay in ms or "" for now, note as JSON or "", how long the note may stand in ms
-- RETURNS  a word for each: "released" (also when an earlier call did it), "cancelled", "freed", "lost", "damaged", "overdue"
--          (the note has stood for too long; nothing was changed)
-- COST     O(batch)
-- WHY      a run that was not to blame costs the task nothing: no try, no crash, and not its place.
--@use keys
--@use time
--@use wake
--@use history
--@use put_back

local session, most, retention_ms = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local owned = own .. 'owned:' .. session
pass_memory_limit()

-- Since when the task has been handed back for the reason of its last note; nil when its last attempt is no note.
local function noted_ms(id)
  local last = attempt('LINDEX', task .. id .. ':attempts', -1)
  return type(last) == 'string' and tonumber(string.match(last, '^{"v":1,"kind":"unknown","at_ms":(%d+)')) or nil
end

local function release(id, token, delay_ms, note, kept_ms)
  local word = redis.call('MGET', task .. id .. ':status')[1]
  if redis.call('HGET', owned, id) ~= token then
    if word == 'cancelled' then return word end
    return (word == 'pending' or word == 'scheduled') and 'released' or 'lost'
  end
  if not is_live(word) then
    redis.call('HDEL', owned, id)
    forget_if_ended(id)
    return 'freed'
  end
  if is_cancelling(id) then
    redis.call('HDEL', owned, id)
    end_tasks({ id }, { outcome_of() }, 'cancelled')
    return 'cancelled'
  end
  local queue = queue_of(token)
  if not fits(ready_key(queue), 'list') or not fits(own .. 'due:' .. queue, 'zset') then return 'damaged' end
  local since_ms = note ~= '' and noted_ms(id)
  if since_ms and now_ms - since_ms > tonumber(kept_ms) then return 'overdue' end
  redis.call('HDEL', owned, id)
  if note ~= '' and not since_ms then
    keep_attempt(id, string.format('{"v":1,"kind":"unknown","at_ms":%.0f,"error":%s}', now_ms, note))
  end
  if delay_ms == '' then
    make_ready(id, token)
  else
    redis.call('SET', task .. id .. ':status', 'scheduled')
    make_due(queue, id, now_ms + tonumber(delay_ms))
  end
  count('released', 1)
  return 'released'
end

local words = {}
for i = 5, #ARGV, 5 do words[#words + 1] = release(unpack(ARGV, i, i + 4)) end
trim_history('cancelled', most, retention_ms)
return words
