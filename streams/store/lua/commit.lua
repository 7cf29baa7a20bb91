-- One batch of one topic partition, all or nothing.
-- ARGV: frontier field, prev, last, outbox bound, number of leads, number of dead letters,
-- then STRIDE values per lead, then key and value per dead letter. Returns status, frontier.
local STRIDE = 13
local FIRST = 7
local field, prev, last = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local n_leads, n_dead_letters = tonumber(ARGV[5]), tonumber(ARGV[6])

local writes = {}
for i = 1, n_leads do
  local at = FIRST + (i - 1) * STRIDE
  writes[i] = {
    lead = ARGV[at], expected_cursor = ARGV[at + 1], expected_erased = ARGV[at + 2] == '1',
    cursor = ARGV[at + 3], version = ARGV[at + 4], has_state = ARGV[at + 5] == '1',
    state = ARGV[at + 6], hash = ARGV[at + 7], queue = ARGV[at + 8],
    erases = ARGV[at + 9] == '1', slack_ms = ARGV[at + 10], ingested_ms = ARGV[at + 11],
    traceparent = ARGV[at + 12],
  }
end

-- 1. The frontier is what this batch continues from.
local frontier = tonumber(redis.call('HGET', key('frontier'), field) or -1)
if frontier ~= prev then
  return {frontier > prev and 'ahead' or 'behind', frontier}
end

-- 2. Every lead that was read, written or not, is still what was read.
local adds_entries = n_dead_letters > 0
for _, write in ipairs(writes) do
  local stored = redis.call('HMGET', lead_key(write.lead), 'cursor', 'listed_in', 'order')
  write.is_erased = is_erased(write.lead)
  if (stored[1] or '') ~= write.expected_cursor or write.is_erased ~= write.expected_erased then
    return {'moved', frontier}
  end
  write.listed_in, write.order = stored[2] or '', stored[3] or ''
  if write.has_state then
    if write.erases and not write.is_erased then
      write.departure = 'erase'
    elseif write.listed_in ~= '' and write.listed_in ~= write.queue then
      write.departure = 'leave'
    end
  end
  adds_entries = adds_entries or write.departure
end

-- 3. There is room for what must be told now.
if adds_entries and is_full(ARGV[4]) then
  return {'full', frontier}
end

-- 4. From here on nothing is refused.
local now = now_ms()

local function depart(write)
  append(write.departure, write.lead, {version = write.version, order = write.order,
    queue = write.listed_in, traceparent = write.traceparent})
  redis.call('HDEL', lead_key(write.lead), 'listed_in')
  if write.departure == 'erase' then
    redis.call('SADD', key('erased'), write.lead)
    redis.call('HDEL', lead_key(write.lead), 'score', 'order', 'holder', 'attempts', 'parked')
    redis.call('ZREM', key('leased'), write.lead)
    write.is_erased = true
  end
end

local function list(write)
  local queue = write.is_erased and '' or write.queue
  redis.call('HSET', lead_key(write.lead), 'queue', queue)
  if queue == '' then
    redis.call('ZREM', key('dirty'), write.lead)
    redis.call('ZREM', key('due'), write.lead)
    return
  end
  redis.call('SADD', key('queues'), string.match(write.lead, '^[^/]*') .. '/' .. queue)
  if write.slack_ms ~= '' then
    redis.call('ZADD', key('dirty'), 'LT', now + tonumber(write.slack_ms), write.lead)
  end
end

for _, write in ipairs(writes) do
  local name = lead_key(write.lead)
  if write.has_state or write.cursor ~= write.expected_cursor then
    redis.call('HSET', name, 'cursor', write.cursor, 'version', write.version)
    redis.call('SADD', key('leads'), write.lead)
  end
  if write.has_state then
    redis.call('HSET', name, 'state', write.state, 'hash', write.hash,
      'ingested_ms', write.ingested_ms, 'applied_ms', integer(now),
      'traceparent', write.traceparent)
    if write.slack_ms ~= '' then
      redis.call('HDEL', name, 'attempts', 'parked')
    end
    if write.departure then
      depart(write)
    end
    list(write)
  end
end
local first_dead_letter = FIRST + n_leads * STRIDE
for i = 0, n_dead_letters - 1 do
  append('dead-letter', ARGV[first_dead_letter + 2 * i],
    {value = ARGV[first_dead_letter + 2 * i + 1]})
end
redis.call('HSET', key('frontier'), field, last)
-- What was known of an erased lead must not stay on `leads.state` until the next pass.
for _, write in ipairs(writes) do
  if write.departure == 'erase' then
    append_snapshot(write.lead)
  end
end
return {'committed', tonumber(last)}
