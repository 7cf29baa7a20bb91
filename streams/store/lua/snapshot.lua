-- A step of a pass over the shard's leads.
-- ARGV: outbox bound, shard, pass id, step, is last, leads. Returns a status.
local shard, pass_id, step, is_last = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5] == '1'
local pass = key('snapshot-pass')
if step == 0 then
  redis.call('HSET', pass, 'id', pass_id, 'step', 0, 'frontier', frontier_text())
  return 'taken'
end
local known = redis.call('HMGET', pass, 'id', 'step', 'frontier')
-- A shard that went back forgets the pass or steps of it, and with them entries told before.
local taken = known[1] == pass_id and tonumber(known[2])
if taken == step then
  return 'taken'
elseif taken ~= step - 1 then
  return 'broken-off'
elseif is_full(ARGV[1]) then
  return 'full'
end
for i = 6, #ARGV do
  append_snapshot(ARGV[i])
end
if is_last then
  append('frontier', shard, {frontier = known[3]})
end
redis.call('HSET', pass, 'step', step)
return 'taken'
