-- Runs whose lease has lapsed belong to dead workers. Their tasks go back to their own places; the third time, a task
-- is buried: it may be what kills its workers (I9, I11).
local LOST_MAX = 3

-- Leases lapse from this instant on: after Redis stood still there is time for one renewal.
local function reaping_from(lease_ms)
  return queue.resumed + math.ceil(lease_ms / 3)
end

local function reap_leases(limit, lease_ms)
  if queue.now < reaping_from(lease_ms) then
    return
  end
  local members = redis.call('ZRANGE', LEASES, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, limit)
  if #members == 0 then
    return
  end
  local ends, users = {}, {}
  local texts = redis.call('HMGET', RUNS, unpack(members))
  for n, member in ipairs(members) do
    local e = read_end(member, texts[n], 'L', '', FAILED_TTL, 'lost')
    if parse_core(e.core).lost + 1 >= LOST_MAX then
      e.kind = 'B'
    end
    e.lost = true
    ends[n], users[n] = e, e.user
  end
  add_stat('lost_total', #members)
  end_runs(ends, users)
end
