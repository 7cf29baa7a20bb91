-- ARGV: worker, lead, state hash when claimed, promotion, outbox bound, traceparent, dead letter's
-- key and value. Returns 1 when the lead is parked.
local worker, lead, hash = ARGV[1], ARGV[2], ARGV[3]
local name = lead_key(lead)
local stored = redis.call('HMGET', name, 'hash', 'parked')
if not stored[1] or is_erased(lead) then
  return 0
end
local has_changed = stored[1] ~= hash
if stored[2] and not has_changed then
  return 1
end
if not holds(worker, lead) or (is_full(ARGV[5]) and not has_changed) then
  return 0
end
release(worker, lead)
if has_changed then
  return 0
end
redis.call('ZREM', key('dirty'), lead)
redis.call('ZREM', key('due'), lead)
redis.call('HSET', name, 'parked', ARGV[4])
append('dead-letter', ARGV[7], {value = ARGV[8], traceparent = ARGV[6]})
return 1
