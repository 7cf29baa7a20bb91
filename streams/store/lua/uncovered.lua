-- ARGV: limit, start. Leads whose newest row, shown or held, is of an earlier promotion than the
-- board's newest.
local limit, start = tonumber(ARGV[1]), tonumber(ARGV[2])
local latest = redis.call('ZREVRANGE', key('newest'), 0, 0, 'WITHSCORES')[2]
if not latest or limit <= 0 then
  return {}
end
return redis.call('ZRANGEBYSCORE', key('newest'), '-inf', '(' .. latest, 'LIMIT', start, limit)
