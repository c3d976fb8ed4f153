#!lua flags=allow-oom
-- Renew leases. One whose token is no longer the run's stays lost (I6). Works when Redis is full: leases that lapse
-- then would run everything twice.
-- include: keys guard stats limits counts run ring price accrue
-- takes: now, lease ms; per lease: member, token
-- replies: per lease 1 renewed, 0 lost
local now, lease_ms = unpack(ARGV, 1, 2)

local deadline = open_queue(now, 'rules', 'scopes') + tonumber(lease_ms)
read_rules()
guard_zsets(LEASES, RING, TAGS)
guard_hashes(NAMED)
local members, leases, answers = {}, {}, {}
for at = 3, #ARGV, 2 do
  members[#members + 1] = ARGV[at]
end
local texts = redis.call('HMGET', RUNS, unpack(members))
for n = 1, #members do
  local held = holds(texts[n], ARGV[2 * n + 2])
  answers[n] = held and 1 or 0
  if held then
    leases[#leases + 1] = deadline
    leases[#leases + 1] = members[n]
    accrue_charge(members[n], texts[n])
  end
end
if #leases > 0 then
  redis.call('ZADD', LEASES, 'XX', unpack(leases))
end
save_charges()
save_queue()
return answers
