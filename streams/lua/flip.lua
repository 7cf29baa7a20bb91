-- ARGV: limit. Shows what is held of the first leads; returns them. All ranks before are of the
-- board before, all ranks after of the board after.
local limit = tonumber(ARGV[1])
local leads = limit > 0 and redis.call('ZRANGE', key('held'), 0, limit - 1) or {}
local rows, before = {}, {}
for i, lead in ipairs(leads) do
  rows[i] = cmsgpack.unpack(redis.call('HGET', key('rows'), lead))
  before[i] = redis.call('ZRANK', key('board'), lead)
end
for i, lead in ipairs(leads) do
  stand(lead, rows[i].held.probability)
end
count_moves(#leads)
for i, lead in ipairs(leads) do
  local held = rows[i].held
  local move = move_of(lead, before[i], held.probability, rows[i].probability)
  keep_row(lead, {order = held.order, probability = held.probability, reason = held.reason,
    move = move})
  redis.call('ZREM', key('held'), lead)
end
return leads
