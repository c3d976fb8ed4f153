-- Removing a user's tasks, whatever their state.
local erased = {}      -- members of what was removed

-- End a run as if it had never been: whoever is at it holds no lease any more.
local function forget_run(user, member, run)
  local _, _, _, core, worker, _, label = parse_run(run)
  local subject = subject_of(label)
  load_busy({ user, subject })
  add_busy(user, -1)
  add_busy(subject, -1)
  drop_suspect(worker, member)
  end_stops({ { run = run, member = member, kind = 'D' } })
  redis.call('HDEL', RUNS, member)
  redis.call('HDEL', PROGRESS, member)
  redis.call('ZREM', LEASES, member)
  redis.call('ZREM', DUE, member .. '|')
  open_name(string.sub(subject, 2))
end

local function forget_term(user, ttl)
  redis.call('UNLINK', kept_key(user, ttl))
  redis.call('ZREM', EXPIRY, user .. '|' .. ttl)
end

-- Remove a task that has ended, or whose record nobody can read, with the list in which it is kept.
local function erase_ended(user, id, record)
  if record then
    local ttl = string.format('%d', record.expires - record.ended)
    forget_term(user, ttl)
  end
  redis.call('ZREM', DUE, user .. '|' .. id, user .. '|' .. id .. '|')
  forget_ended(user, { id })
end

local function erase_task(user, id, text)
  local tasks, member, record = user_key(user, 'tasks'), user .. '|' .. id, parse_record(text)
  local run = redis.call('HGET', RUNS, member)
  if run then
    forget_run(user, member, run)
    redis.call('HDEL', tasks, id)
  elseif record and not is_ended(record) then
    withdraw_task(user, id, record)
    redis.call('HDEL', tasks, id)
  else
    erase_ended(user, id, record)
  end
  drop_hold(user, id)
  drop_edges(user, id)
  erased[#erased + 1] = member
end

-- Forget up to `most` of a user's graphs; returns how many are left.
local function erase_flows(user, most)
  local index = user_key(user, 'flows')
  local flat = redis.call('HRANDFIELD', index, most, 'WITHVALUES')
  for n = 1, #flat, 2 do
    local flow = parse_flow(redis.call('HGET', FLOWS, user .. '|' .. flat[n + 1]))
    drop_edges(user, '|' .. flat[n + 1])
    forget_flow(user, flat[n + 1], flow or { run_id = flat[n] })
  end
  return redis.call('HLEN', index)
end

-- Which tasks to remove next: those at the heads of the lanes, where they are taken out quickly, and some others.
local function some_tasks(user, most)
  local ids, ahead = {}, most - 10
  for level = 6, 1, -1 do
    for _, entry in ipairs(redis.call('LRANGE', lane_key(user, level), 0, ahead - #ids - 1)) do
      ids[#ids + 1] = string.match(entry, '^%d+:%d+:(.*)')
    end
    if #ids >= ahead then
      break
    end
  end
  for _, id in ipairs(redis.call('HRANDFIELD', user_key(user, 'tasks'), most - #ids)) do
    ids[#ids + 1] = id
  end
  return ids
end

-- Forget that this user had tasks of any name set aside.
local function forget_aside(user)
  for _, name in ipairs(redis.call('ZRANGE', PARKED, 0, 199)) do
    for level = 1, 6 do
      redis.call('UNLINK', lane_key(user, level, name))
    end
    redis.call('ZREM', PARKED_BY .. name, user)
    if redis.call('EXISTS', PARKED_BY .. name) == 0 then
      forget_parked(name)
    end
  end
end

-- Remove what is left of a user without tasks; what damaged records were counted as goes, too.
local function erase_rest(user)
  local count = counts[user]
  for level = 1, 6 do
    redis.call('UNLINK', lane_key(user, level))
  end
  add_stat('queued', -count.ready - (count.h or 0))
  add_stat('scheduled', -(count.s or 0))
  add_stat('deferred', -(count.d or 0))
  add_stat('parents', -(count.p or 0))
  forget_aside(user)
  counts[user] = parse_counts(nil)
  touched[user] = true
  for _, ttl in ipairs(redis.call('SPOP', user_key(user, 'terms'), 1000)) do
    forget_term(user, ttl)
  end
  redis.call('UNLINK', user_key(user, 'unique'), user_key(user, 'failed'), user_key(user, 'waits'))
  redis.call('ZREM', RING, user)
  redis.call('ZREM', TAGS, user)
  redis.call('ZREM', BUCKETS, user)
  redis.call('ZREM', DUE, user .. '|')
  redis.call('HDEL', HELD, user)
  redis.call('HDEL', KEPT_BYTES, user)
  redis.call('HDEL', LIMITS, user)
  count_limited()
end
