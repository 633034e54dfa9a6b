-- enqueue: accept a batch of tasks, each once.
--
-- KEYS[1]  <p>task_queue                 the shard; list of the default queue, newest at the left
-- DERIVED  <p>task_queue:<q>             list  of another queue
--          <p>task:<id>                  string  envelope, written here and never again
--          <p>task:<id>:status           string  "pending", or "scheduled" when it is due later
--          <p>task:<id>:digest           string with a TTL  only where the caller gave the id
--          <p>lineshaft:due:<q>          zset  id -> ms
--          <p>lineshaft:queues           set  registry
--          <p>lineshaft:wake:<q>, <p>lineshaft:stats:<minute>
-- ARGV[1]  now in us, or "" for the server's time   ARGV[2]  how long a digest is kept, in ms
-- ARGV[3..]  for each task: id, queue, delay in ms or "" for now, "1" to keep a digest or "", envelope
-- RETURNS  "created" when all were; else a word for each: "created", "same" (that very task is known), "conflict"
--          (the id is taken by other content, or by a foreign task), "damaged" (the queue's key has another type)
-- COST     O(batch), at most 500
-- WHY      one EXISTS decides for the whole batch; only when it finds something is each task looked at. The first write
--          is one that memory pressure refuses, so a batch is refused whole. A repeat after a lost reply finds "same".
--@use keys
--@use time
--@use wake

local digest_ms = ARGV[2]
local DIGEST_FROM, DIGEST_TO = 18, 49 -- an envelope begins {"v":1,"digest":"<32 hex digits>

local function word_for(id, envelope)
  local digest = string.sub(envelope, DIGEST_FROM, DIGEST_TO)
  local found = redis.call('MGET', task .. id, task .. id .. ':digest')
  if found[1] then return string.sub(found[1], DIGEST_FROM, DIGEST_TO) == digest and 'same' or 'conflict' end
  if redis.call('EXISTS', task .. id, task .. id .. ':status') > 0 then return 'conflict' end
  if found[2] then return found[2] == digest and 'same' or 'conflict' end
  return redis.call('EXISTS', task .. id .. ':digest') == 0 and 'created' or 'conflict'
end

local looked, seen, fits_queue, all_new = {}, {}, {}, true
for i = 3, #ARGV, 5 do
  local id, queue = ARGV[i], ARGV[i + 1]
  local key, n = task .. id, #looked
  looked[n + 1], looked[n + 2], looked[n + 3] = key, key .. ':status', key .. ':digest'
  if seen[id] then all_new = false end
  seen[id] = true
  if fits_queue[queue] == nil then
    fits_queue[queue] = fits(ready_key(queue), 'list') and fits(own .. 'due:' .. queue, 'zset')
    all_new = all_new and fits_queue[queue]
  end
end
if #looked == 0 then return {} end
all_new = redis.call('EXISTS', unpack(looked)) == 0 and all_new

local words, records, ready, due, digests = {}, {}, {}, {}, {}
local first = {} -- of each id that stands twice: the digest that came first in this batch
local created = 0
for i = 3, #ARGV, 5 do
  local id, queue, delay_ms, keep, envelope = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local word = 'created'
  if not all_new then
    local digest = string.sub(envelope, DIGEST_FROM, DIGEST_TO)
    if first[id] then
      word = first[id] == digest and 'same' or 'conflict'
    elseif not fits_queue[queue] then
      word = 'damaged'
    else
      word = word_for(id, envelope)
      first[id] = word == 'created' and digest or nil
    end
    words[#words + 1] = word
  end
  if word == 'created' then
    created = created + 1
    local n = #records
    records[n + 1], records[n + 2] = task .. id, envelope
    records[n + 3], records[n + 4] = task .. id .. ':status', delay_ms == '' and 'pending' or 'scheduled'
    if delay_ms == '' then
      local ids = ready[queue]
      if ids then ids[#ids + 1] = id else ready[queue] = { id } end
    else
      due[#due + 1] = { queue, id, now_ms + tonumber(delay_ms) }
    end
    if keep == '1' then digests[#digests + 1] = { task .. id .. ':digest', string.sub(envelope, DIGEST_FROM, DIGEST_TO) } end
  end
end
if created == 0 then return words end

redis.call('MSET', unpack(records))
for _, digest in ipairs(digests) do redis.call('SET', digest[1], digest[2], 'PX', digest_ms) end
for queue, ids in pairs(ready) do
  redis.call('LPUSH', ready_key(queue), unpack(ids))
  redis.pcall('SADD', own .. 'queues', queue)
  wake(queue)
end
for _, entry in ipairs(due) do
  make_due(unpack(entry))
  redis.pcall('SADD', own .. 'queues', entry[1])
end
count('enqueued', created)
return all_new and 'created' or words
