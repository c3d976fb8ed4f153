-- Runs whose lease has lapsed belong to dead workers. Their tasks go back to their own places; the third time, a task
-- is buried: it may be what kills its workers (I9, I11).
local LOST_MAX = 3
local LOST_TTL = 604800000     -- ms: 7 days among the dead letters

local function reap_leases(limit)
  local members = redis.call('ZRANGE', LEASES, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, limit)
  if #members == 0 then
    return
  end
  local ends, users = {}, {}
  local texts = redis.call('HMGET', RUNS, unpack(members))
  for n, member in ipairs(members) do
    local user, id = split_member(member)
    local _, since, core = parse_run(texts[n])
    local last = parse_core(core).lost + 1 >= LOST_MAX
    ends[n] = { member = member, user = user, id = id, since = since, core = core, kind = last and 'B' or 'L',
      argument = LOST_TTL, text = 'lost', lost = true }
    users[n] = user
  end
  load_counts(users)
  load_busy(users)
  add_stat('lost_total', #members)
  apply_outcomes(ends)
end
