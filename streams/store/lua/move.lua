-- Places a lead on a board or takes it off, if this is newer than what the board holds.
-- ARGV: lead, version, promotion, scored version, as_of, probability ('' = take off), reason,
-- its kind.
-- Returns rank, previous rank, board version, delta, applied. The row remembers the answer: a retry
-- gets the same, and a removed lead's row stays as a marker that no late writer can step over.
local lead, probability, reason, reason_kind = ARGV[1], ARGV[6], ARGV[7], ARGV[8]
local order = {tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])}

local packed = redis.call('HGET', key('rows'), lead)
local row = packed and cmsgpack.unpack(packed)
if row and not is_greater(order, row.order) then
  if is_greater(row.order, order) then
    return {row.move[1], row.move[2], row.move[3], row.move[4], 0}
  end
  if row.probability == probability and row.reason == reason
      and (probability == '' or kind_of(row) == reason_kind) then
    if probability ~= '' then
      -- Boards of before the flips know it of no lead.
      redis.call('ZADD', key('newest'), 'NX', order[2], lead)
    end
    return {row.move[1], row.move[2], row.move[3], row.move[4], 1}
  end
end

-- Nothing new of a lead that stands, only a later promotion's view of it: that waits for the flip.
if probability ~= '' and row and row.probability ~= '' and order[2] > row.order[2]
    and order[3] <= row.order[3] then
  if not row.held or not is_greater(row.held.order, order) then
    row.held = {order = order, probability = probability, reason = reason,
      reason_kind = reason_kind}
    keep_row(lead, row)
    redis.call('ZADD', key('held'), order[2], lead)
    redis.call('ZADD', key('newest'), order[2], lead)
  end
  return {row.move[1], row.move[2], row.move[3], row.move[4], 0}
end

local previous_rank = redis.call('ZRANK', key('board'), lead)
if probability ~= '' then
  stand(lead, probability)
  redis.call('ZADD', key('newest'), order[2], lead)
else
  redis.call('ZREM', key('board'), lead)
  redis.call('ZREM', key('newest'), lead)
end
redis.call('ZREM', key('held'), lead)
if probability ~= '' or previous_rank then
  count_moves(1)
end
local move = move_of(lead, previous_rank, probability, row and row.probability)
keep_row(lead, {order = order, probability = probability, reason = reason,
  reason_kind = reason_kind, move = move})
return {move[1], move[2], move[3], move[4], 1}
