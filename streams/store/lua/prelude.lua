-- Runs before every other script here. KEYS[1] is a hash tag and nothing more ("{s7}",
-- "{q:tenant/queue}"): every key a script touches begins with it, so one call is one node's.
-- An empty string stands for "none" in arguments, fields and replies.

local function key(name)
  return KEYS[1] .. ':' .. name
end

local function lead_key(lead)
  return KEYS[1] .. ':lead:' .. lead
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- A lease that ends later than this was taken before the clock went back: its holder may be dead,
-- and its leads must not wait until the clock has caught up.
local function latest_expiry(now, lease_ms)
  return now + math.max(60000, 10 * lease_ms)
end

local function given(value)
  return value and value ~= ''
end

-- Lua's own conversion keeps 14 digits.
local function integer(number)
  return string.format('%.0f', number)
end

local function order_of(text)
  local promotion, version, as_of = string.match(text, '^(%-?%d+) (%-?%d+) (%-?%d+)$')
  return {tonumber(promotion), tonumber(version), tonumber(as_of)}
end

local function is_greater(a, b)
  for i = 1, #a do
    if a[i] ~= b[i] then
      return a[i] > b[i]
    end
  end
  return false
end

-- The promotion that applies to the lead's tenant: its own or everybody's, the later one.
local promotions = {}
local function live(lead)
  local tenant = string.match(lead, '^[^/]*')
  if promotions[tenant] == nil then
    local best = false
    for _, stored in ipairs(redis.call('HMGET', key('promoted'), tenant, '*')) do
      if stored then
        local number, artifact = string.match(stored, '^(%-?%d+) (.*)$')
        if not best or tonumber(number) > best.number then
          best = {number = tonumber(number), artifact = artifact}
        end
      end
    end
    promotions[tenant] = best
  end
  return promotions[tenant]
end

local function is_full(bound)
  return redis.call('XLEN', key('outbox')) >= tonumber(bound)
end

local function is_erased(lead)
  return redis.call('SISMEMBER', key('erased'), lead) == 1
end

-- Always `*`: an id of our own could be used twice after the node went back in time.
local function append(kind, lead, fields)
  redis.call('XADD', key('outbox'), '*', 'kind', kind, 'key', lead,
    'value', fields.value or '', 'version', fields.version or 0, 'order', fields.order or '',
    'queue', fields.queue or '', 'left', fields.left or '',
    'traceparent', fields.traceparent or '', 'cursor', fields.cursor or '',
    'frontier', fields.frontier or '')
end

-- Topic -> last applied offset, as JSON.
local function frontier_text()
  local offsets = {}
  local stored = redis.call('HGETALL', key('frontier'))
  for i = 1, #stored, 2 do
    offsets[#offsets + 1] = string.format('"%s":%s', string.match(stored[i], '^(.*):'),
      stored[i + 1])
  end
  return '{' .. table.concat(offsets, ',') .. '}'
end

local function append_snapshot(lead)
  local stored = redis.call('HMGET', lead_key(lead), 'state', 'cursor', 'version')
  if stored[1] then
    append('snapshot', lead, {value = stored[1], cursor = stored[2], version = stored[3],
      frontier = frontier_text()})
  end
end

local function is_holder(worker, lead)
  return redis.call('HGET', lead_key(lead), 'holder') == worker
end

-- A lease that ran out is nobody's, whether or not a claim has swept it away yet.
local function holds(worker, lead)
  local expiry = is_holder(worker, lead) and redis.call('ZSCORE', key('leased'), lead)
  return expiry and tonumber(expiry) > now_ms()
end

local function release(worker, lead)
  if is_holder(worker, lead) then
    redis.call('ZREM', key('leased'), lead)
  end
end

-- Boards: `board` (ZSET, who stands where), `rows` (what is known of each lead, markers of removed
-- ones included), `held` (ZSET lead -> promotion of what waits for a flip) and `newest` (ZSET lead
-- -> promotion of its newest row, shown or held).

-- Negated, so that ascending is the ranking: best probability first, then lead id ascending.
local function stand(lead, probability)
  redis.call('ZADD', key('board'), string.format('%.17g', -tonumber(probability)), lead)
end

-- The clock, so that a board that was lost or went back hands out no version again.
local function count_moves(n)
  if n > 0 then
    local last = tonumber(redis.call('GET', key('version')) or 0)
    redis.call('SET', key('version'), integer(math.max(last + 1, now_ms())))
    redis.call('INCRBY', key('moves'), n)
  end
end

-- What became of a lead that was `previous_rank`-th (from 0; nil: stood nowhere) with `previous`.
local function move_of(lead, previous_rank, probability, previous)
  local rank, delta = '', ''
  if probability ~= '' then
    rank = integer(redis.call('ZRANK', key('board'), lead) + 1)
    if previous_rank then
      delta = string.format('%.17g', tonumber(probability) - tonumber(previous))
    end
  end
  return {
    rank,
    previous_rank and integer(previous_rank + 1) or '',
    redis.call('GET', key('version')) or '0',
    delta,
  }
end

-- Rows of before reasons had a kind tell what happened last.
local function kind_of(row)
  return row.reason_kind or 'recent'
end

local function keep_row(lead, row)
  redis.call('HSET', key('rows'), lead, cmsgpack.pack(row))
end
