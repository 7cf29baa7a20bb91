-- ARGV: leads. Per lead: cursor, state, erased.
local found = {}
for i, lead in ipairs(ARGV) do
  local stored = redis.call('HMGET', lead_key(lead), 'cursor', 'state')
  local at = (i - 1) * 3
  found[at + 1] = stored[1]
  found[at + 2] = stored[2]
  found[at + 3] = redis.call('SISMEMBER', key('erased'), lead)
end
return found
