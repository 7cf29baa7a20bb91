-- ARGV: outbox bound, leads. Tells again where each lead stands now that was ever listed, and that
-- the unlisted ones stand nowhere: a shard that went back does not know that they ever stood.
if is_full(ARGV[1]) then
  return 0
end
for i = 2, #ARGV do
  local lead = ARGV[i]
  local stored = redis.call('HMGET', lead_key(lead), 'was_in', 'listed_in', 'score', 'version',
    'order', 'traceparent', 'queue')
  if given(stored[1]) or stored[7] == '' then
    local stands = given(stored[2])
    append('place', lead, {value = stands and stored[3] or '', version = stored[4],
      order = stored[5] or '', queue = stored[2] or '', left = stands and '' or stored[1] or '',
      traceparent = stored[6] or ''})
  end
end
return 1
