-- ARGV: leads. How many of them are parked.
local n_parked = 0
for _, lead in ipairs(ARGV) do
  n_parked = n_parked + redis.call('HEXISTS', lead_key(lead), 'parked')
end
return n_parked
