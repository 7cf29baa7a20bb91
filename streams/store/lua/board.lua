-- ARGV: limit, start. Returns board version, moves, size, how many rows a flip would replace, the
-- latest promotion, then per row: lead, order (4), probability, reason, its
-- kind.
local limit, start = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = {
  redis.call('GET', key('version')) or '0',
  redis.call('GET', key('moves')) or '0',
  redis.call('ZCARD', key('board')),
  redis.call('ZCARD', key('held')),
  redis.call('ZREVRANGE', key('newest'), 0, 0, 'WITHSCORES')[2] or '-1',
}
if limit <= 0 then
  return found
end
for _, lead in ipairs(redis.call('ZRANGE', key('board'), start, start + limit - 1)) do
  local row = cmsgpack.unpack(redis.call('HGET', key('rows'), lead))
  found[#found + 1] = lead
  for i = 1, 4 do
    found[#found + 1] = integer(row.order[i])
  end
  found[#found + 1] = row.probability
  found[#found + 1] = row.reason
  found[#found + 1] = kind_of(row)
end
return found
