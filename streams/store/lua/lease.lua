-- ARGV: name, owner, ttl_ms. Taken when free or one's own; the key expires with the lease.
local name = key('lease:' .. ARGV[1])
local owner = redis.call('GET', name)
local now = now_ms()
local is_credible = now + redis.call('PTTL', name) <= latest_expiry(now, tonumber(ARGV[3]))
if owner and owner ~= ARGV[2] and is_credible then
  return 0
end
redis.call('SET', name, ARGV[2], 'PX', ARGV[3])
return 1
