-- ARGV: worker, what it says, expiry in ms. Silent workers are forgotten, so that names that come and
-- go do not add up.
local now, expiry = now_ms(), tonumber(ARGV[3])
local known = redis.call('HGETALL', key('workers'))
for i = 1, #known, 2 do
  local at = tonumber(string.match(known[i + 1], '^%d+') or 0)
  if math.abs(now - at) >= expiry then
    redis.call('HDEL', key('workers'), known[i])
  end
end
redis.call('HSET', key('workers'), ARGV[1], integer(now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', key('workers'), expiry)
return 1
