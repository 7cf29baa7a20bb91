-- ARGV: tenant, promotion, artifact. The greatest promotion stays.
local stored = redis.call('HGET', key('promoted'), ARGV[1])
if not stored or tonumber(string.match(stored, '^%-?%d+')) < tonumber(ARGV[2]) then
  redis.call('HSET', key('promoted'), ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
end
return 1
