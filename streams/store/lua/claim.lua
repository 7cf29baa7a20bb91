-- Leases what to score next: earliest dirty deadlines, then the longest overdue edges. A lead that
-- came back unscored is taken alone or not at all.
-- ARGV: worker, limit, lease_ms, spare, by how many ms a lead that nobody can score is postponed in
-- `dirty` and in `due`, how many artifacts the worker serves ('' = any), those, those that others
-- serve.
-- Returns now_ms, then STRIDE values per lead (see RedisStore.claim).
local worker, limit = ARGV[1], tonumber(ARGV[2])
local lease_ms, spare = tonumber(ARGV[3]), tonumber(ARGV[4])
local postpone_ms = {dirty = tonumber(ARGV[5]), due = tonumber(ARGV[6])}
local n_served = tonumber(ARGV[7])
local served, served_elsewhere = {}, {}
for i = 8, #ARGV do
  (i < 8 + (n_served or 0) and served or served_elsewhere)[ARGV[i]] = true
end
local now = now_ms()
local reply = {integer(now)}
redis.call('ZREMRANGEBYSCORE', key('leased'), '-inf', now)
redis.call('ZREMRANGEBYSCORE', key('leased'), '(' .. integer(latest_expiry(now, lease_ms)), '+inf')
if limit <= 0 or redis.call('HLEN', key('promoted')) == 0 then
  return reply
end

local n_candidates = limit + redis.call('ZCARD', key('leased')) + spare
local n_taken, is_alone, postponed = 0, false, {}

local function take(lead, attempts, promotion)
  local name = lead_key(lead)
  redis.call('HSET', name, 'attempts', attempts, 'holder', worker)
  redis.call('ZADD', key('leased'), now + lease_ms, lead)
  local known = redis.call('HMGET', name, 'state', 'cursor', 'version', 'ingested_ms',
    'applied_ms', 'order', 'traceparent')
  for _, value in ipairs({lead, integer(promotion.number), promotion.artifact, attempts}) do
    reply[#reply + 1] = value
  end
  for i = 1, 7 do
    reply[#reply + 1] = known[i] or ''
  end
  n_taken = n_taken + 1
  is_alone = attempts > 1
end

local function consider(lead, set)
  if redis.call('ZSCORE', key('leased'), lead) then
    return
  end
  local promotion = live(lead)
  if not promotion or (n_served and not served[promotion.artifact]) then
    if not promotion or not served_elsewhere[promotion.artifact] then
      postponed[#postponed + 1] = {set, lead}
    end
    return
  end
  local attempts = tonumber(redis.call('HGET', lead_key(lead), 'attempts') or 0)
  if attempts == 0 or n_taken == 0 then
    take(lead, attempts + 1, promotion)
  end
end

-- Page by page: mostly the first page is enough. Nothing leaves the set while it is walked.
local function walk(set, highest)
  local start, page = 0, limit
  while start < n_candidates and n_taken < limit and not is_alone do
    local count = math.min(page, n_candidates - start)
    local leads = redis.call('ZRANGEBYSCORE', key(set), '-inf', highest, 'LIMIT', start, count)
    for _, lead in ipairs(leads) do
      if n_taken < limit and not is_alone then
        consider(lead, set)
      end
    end
    if #leads < count then
      break
    end
    start, page = start + count, 256
  end
end

walk('dirty', '+inf')
walk('due', now)
-- What nobody can score must not block what can be scored.
for _, one in ipairs(postponed) do
  redis.call('ZADD', key(one[1]), 'XX', now + postpone_ms[one[1]], one[2])
end
return reply
