-- ARGV: by how many ms something must be overdue to count. Returns the clock, leads, dirty, dirty overdue, the
-- earliest deadline, edges overdue, the earliest edge, outbox entries, the oldest entry's id.
local now = now_ms()
local before = integer(now - tonumber(ARGV[1]))
local function earliest(set)
  return redis.call('ZRANGE', key(set), 0, 0, 'WITHSCORES')[2] or ''
end
local oldest = redis.call('XRANGE', key('outbox'), '-', '+', 'COUNT', 1)[1]
return {
  integer(now),
  redis.call('SCARD', key('leads')),
  redis.call('ZCARD', key('dirty')),
  redis.call('ZCOUNT', key('dirty'), '-inf', before),
  earliest('dirty'),
  redis.call('ZCOUNT', key('due'), '-inf', before),
  earliest('due'),
  redis.call('XLEN', key('outbox')),
  oldest and oldest[1] or '',
}
