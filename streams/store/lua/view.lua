-- ARGV: leads. STRIDE values per lead (see RedisStore._views).
local found = {}
for _, lead in ipairs(ARGV) do
  local stored = redis.call('HMGET', lead_key(lead), 'cursor', 'state', 'version', 'queue',
    'listed_in', 'score', 'order', 'attempts', 'parked')
  for i = 1, 9 do
    found[#found + 1] = stored[i]
  end
  found[#found + 1] = redis.call('SISMEMBER', key('erased'), lead)
  for _, set in ipairs({'dirty', 'due', 'leased'}) do
    found[#found + 1] = redis.call('ZSCORE', key(set), lead)
  end
end
return found
