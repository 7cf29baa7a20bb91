-- ARGV: worker, lease_ms, leads. Returns the leads whose living lease is this worker's.
local now = now_ms()
local held = {}
for i = 3, #ARGV do
  local lead = ARGV[i]
  if holds(ARGV[1], lead) then
    redis.call('ZADD', key('leased'), now + tonumber(ARGV[2]), lead)
    held[#held + 1] = lead
  end
end
return held
