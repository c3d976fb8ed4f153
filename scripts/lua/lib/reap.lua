-- Runs whose lease has lapsed belong to dead workers. Their tasks go back to their own places; the third time, a task
-- is buried: it may be what kills its workers (I9, I11).
local LOST_MAX = 3

-- Leases lapse from this instant on: after Redis stood still there is time for one renewal.
local function reaping_from(lease_ms)
  return queue.resumed + math.ceil(lease_ms / 3)
end

-- A lease whose run nobody can read: its task goes to the dead letters.
local function drop_lease(member)
  local user, id = split_member(member)
  local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
  redis.call('ZREM', LEASES, member)
  redis.call('HDEL', RUNS, member)
  load_busy({ user })
  if busy[user] > 0 then
    add_busy(user, -1)
  end
  if record and record.state == 'Q' then
    local subject = subject_of(record.body)
    load_counts({ user })
    load_busy({ subject })
    add_busy(subject, -math.min(1, busy[subject]))
    bury_corrupt(user, id, record)
  end
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
    local e = texts[n] and read_end(member, texts[n], 'L', '', FAILED_TTL, 'lost')
    if e then
      if parse_core(e.core).lost + 1 >= LOST_MAX then
        e.kind = 'B'
      end
      e.lost = true
      ends[#ends + 1], users[#users + 1] = e, e.user
    else
      drop_lease(member)
    end
  end
  add_stat('lost_total', #ends)
  if #ends > 0 then
    end_runs(ends, users)
  end
end
