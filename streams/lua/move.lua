-- Places a lead on a board or takes it off, if this is newer than what the board holds.
-- ARGV: lead, version, promotion, scored version, as_of, probability ('' = take off), reason.
-- Returns rank, previous rank, board version, delta, applied. The row remembers the answer: a retry
-- gets the same, and a removed lead's row stays as a marker that no late writer can step over.
local lead, probability, reason = ARGV[1], ARGV[6], ARGV[7]
local order = {tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])}
local board = key('board')

local packed = redis.call('HGET', key('rows'), lead)
local row = packed and cmsgpack.unpack(packed)
if row and not is_greater(order, row.order) then
  if is_greater(row.order, order) then
    return {row.move[1], row.move[2], row.move[3], row.move[4], 0}
  end
  if row.probability == probability and row.reason == reason then
    return {row.move[1], row.move[2], row.move[3], row.move[4], 1}
  end
end

local previous_rank = redis.call('ZRANK', board, lead)
local rank, delta = '', ''
if probability ~= '' then
  -- Negated, so that ascending is the ranking: best probability first, then lead id ascending.
  redis.call('ZADD', board, string.format('%.17g', -tonumber(probability)), lead)
  rank = integer(redis.call('ZRANK', board, lead) + 1)
  if previous_rank then
    delta = string.format('%.17g', tonumber(probability) - tonumber(row.probability))
  end
else
  redis.call('ZREM', board, lead)
end
if probability ~= '' or previous_rank then
  -- The clock, so that a board that was lost or went back hands out no version again.
  local last = tonumber(redis.call('GET', key('version')) or 0)
  redis.call('SET', key('version'), integer(math.max(last + 1, now_ms())))
  redis.call('INCR', key('moves'))
end
local move = {
  rank,
  previous_rank and integer(previous_rank + 1) or '',
  redis.call('GET', key('version')) or '0',
  delta,
}
redis.call('HSET', key('rows'), lead, cmsgpack.pack(
  {order = order, probability = probability, reason = reason, move = move}))
return {move[1], move[2], move[3], move[4], 1}
