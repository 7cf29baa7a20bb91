-- ARGV: worker, lead, order, artifact, state hash, score, due_ms, traceparent, outbox bound.
local worker, lead, order, artifact = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local name = lead_key(lead)
local stored = redis.call('HMGET', name, 'state', 'hash', 'order', 'queue', 'version', 'parked')
local state, hash, last = stored[1], stored[2], given(stored[3]) and order_of(stored[3])
local queue, version, is_parked = stored[4] or '', stored[5], stored[6]

-- A version the lead has not reached: the shard went back since. Accepted, the result would outrank
-- the ones that follow when the log is read again.
local scored = order_of(order)
if not state or is_erased(lead) or scored[2] > tonumber(version) then
  release(worker, lead)
  return 'gone'
end

local promotion = live(lead)
local is_live_artifact = promotion and promotion.artifact == artifact
local status = 'accepted'
if not is_live_artifact then
  status = 'other-artifact'
elseif last and not is_greater(scored, last) then
  status = 'stale'
end
local accepted = status == 'accepted'
if accepted and is_full(ARGV[9]) then
  return 'full'
end

release(worker, lead)
redis.call('HDEL', name, 'attempts')

-- One artifact may be promoted twice: the result of an earlier promotion is not final.
local settles = hash == ARGV[5] and is_live_artifact and scored[1] >= promotion.number
local is_listed = queue ~= '' and not is_parked
if settles then
  redis.call('ZREM', key('dirty'), lead)
elseif accepted and is_listed then
  redis.call('ZADD', key('dirty'), 'NX', now_ms(), lead)
end

-- A refused result must not loop on its edge, and must not jump one: it moves `due` only when it
-- speaks of the current state, at a moment no later than the accepted result does.
if accepted or (settles and last and scored[3] <= last[3]) then
  if is_listed and ARGV[7] ~= '' then
    redis.call('ZADD', key('due'), ARGV[7], lead)
  else
    redis.call('ZREM', key('due'), lead)
  end
end

if accepted then
  redis.call('HSET', name, 'score', ARGV[6], 'order', order, 'listed_in', queue)
  if queue ~= '' then
    redis.call('HSET', name, 'was_in', queue)
  end
  append('score', lead, {value = ARGV[6], version = version, order = order, queue = queue,
    traceparent = ARGV[8]})
end
return status
