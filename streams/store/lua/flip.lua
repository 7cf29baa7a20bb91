-- ARGV: limit, promotion. Shows what is held up to it of the first leads; returns them. All ranks before are of the
-- board before, all ranks after of the board after.
local leads = {}
if tonumber(ARGV[1]) > 0 then
  leads = redis.call('ZRANGEBYSCORE', key('held'), '-inf', ARGV[2], 'LIMIT', 0, ARGV[1])
end
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
    reason_kind = kind_of(held), move = move})
  redis.call('ZREM', key('held'), lead)
end
return leads
