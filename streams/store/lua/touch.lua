-- ARGV: slack_ms, leads. Listed leads not yet scored under the live promotion, or last scored at a
-- version they have passed, become dirty.
local deadline = now_ms() + tonumber(ARGV[1])
for i = 2, #ARGV do
  local lead = ARGV[i]
  local stored = redis.call('HMGET', lead_key(lead), 'queue', 'order', 'parked', 'version')
  local promotion = live(lead)
  if given(stored[1]) and promotion and tonumber(stored[3] or '') ~= promotion.number then
    local last = given(stored[2]) and order_of(stored[2])
    if not last or last[1] ~= promotion.number or last[2] < tonumber(stored[4]) then
      if stored[3] then
        redis.call('HDEL', lead_key(lead), 'attempts', 'parked')
      end
      redis.call('ZADD', key('dirty'), 'LT', deadline, lead)
    end
  end
end
return 1
