-- retry: run an ended task again, by hand.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue
-- DERIVED  <p>task:<id>:status           string  -> "pending"
--          <p>task:<id>:attempts         list  its length tells one retry from the next; gets a mark
--          <p>task:<id>:result           string  removed: an outcome is of one run
--          <p>task:<id>                  string  read: a record that was trimmed cannot run
--          <p>lineshaft:ended:<state>    list  loses the id
--          <p>task_queue:<q>             list  gets the id at its left end
--          <p>lineshaft:due:<q>          zset  loses the id
--          <p>lineshaft:tries, :crashes, :cancelling  start afresh
--          <p>lineshaft:queues, :wake:<q>, :stats:<minute>, :suspects
-- ARGV[1]  now in us, or "" for the server's time
-- ARGV[2]  id   ARGV[3]  queue   ARGV[4]  length of the list of attempts that the caller saw
-- RETURNS  "pending" (also when this very call was made before), "stale" (it has run since the caller looked),
--          "unknown", "damaged" (a key has another type; nothing was changed), or the word of a task that has not ended
-- COST     O(length of the lists it leaves): some ms at 200,000
-- WHY      the attempts seen make a repeat harmless: the second call finds one more.
--@use keys
--@use time
--@use wake
--@use history
--@use put_back

local id, queue, seen = ARGV[2], ARGV[3], tonumber(ARGV[4])
local key = task .. id
pass_memory_limit()
local word = redis.call('MGET', key .. ':status')[1]
if not word or redis.call('EXISTS', key) == 0 then return 'unknown' end
local ready, attempts = ready_key(queue), key .. ':attempts'
if not fits(attempts, 'list') or not fits(ready, 'list') or not fits(own .. 'ended:' .. word, 'list') then return 'damaged' end
local by_hand = string.match(redis.call('LINDEX', attempts, -1) or '', '^{"v":1,"kind":"retry"') ~= nil
local length = redis.call('LLEN', attempts)
if by_hand and length == seen + 1 then return 'pending' end
if not ENDED[word] then return word end
if length ~= seen then return 'stale' end

redis.call('LREM', own .. 'ended:' .. word, 1, id)
if length >= ATTEMPTS_KEPT then redis.call('LTRIM', attempts, -ATTEMPTS_KEPT / 2, -1) end -- or its length would no longer tell
redis.call('LREM', ready, -1, id)
redis.pcall('ZREM', own .. 'due:' .. queue, id)
redis.call('UNLINK', key .. ':result')
redis.pcall('HDEL', own .. 'tries', id)
redis.pcall('HDEL', own .. 'crashes', id)
redis.pcall('SREM', own .. 'cancelling', id)
keep_attempt(id, string.format('{"v":1,"kind":"retry","at_ms":%.0f,"was":"%s"}', now_ms, word))
redis.call('SET', key .. ':status', 'pending')
redis.call('LPUSH', ready, id)
redis.pcall('SADD', own .. 'queues', queue)
wake(queue)
count('retried_by_hand', 1)
return 'pending'
