#!lua flags=allow-oom
-- Remove a bounded part of all that a user left: its tasks, whatever their state, and at last its settings. Called
-- until it answers 0. The outcome of a task that runs finds no lease and is not accepted.
-- include: keys guard names stats limits counts record unique lane who retention ring hold wake run suspect
-- include: fate stop ghosts waiting park due close
-- takes: now, user
-- replies: how many of its tasks are left, how many were removed
local now, user = unpack(ARGV)
local MOST, BYTES = 100, 4194304     -- tasks, and bytes of records, that are looked at in one call

open_queue(now, 'scopes', 'rules', 'aging', 'queued', 'scheduled', 'failed', 'stopping')
read_rules()
guard_queue(user_key(user, 'failed'))
load_counts({ user })
local tasks, ended, bytes = user_key(user, 'tasks'), {}, 0

-- End a run as if it had never been: whoever is at it holds no lease any more.
local function forget_run(member, run)
  local _, _, _, core, worker, _, label = parse_run(run)
  local subject = subject_of(label)
  load_busy({ user, subject })
  add_busy(user, -1)
  add_busy(subject, -1)
  drop_suspect(worker, member)
  end_stops({ { worker = worker, member = member, kind = 'D' } })
  redis.call('HDEL', RUNS, member)
  redis.call('HDEL', PROGRESS, member)
  redis.call('ZREM', LEASES, member)
  free_key(user, label)
  open_name(string.sub(subject, 2))
end

local before = redis.call('HLEN', tasks)
for n, id in ipairs(redis.call('HRANDFIELD', tasks, MOST)) do
  bytes = bytes + redis.call('HSTRLEN', tasks, id)
  if n > 1 and bytes > BYTES then
    break
  end
  local member = user .. '|' .. id
  local record, run = parse_record(redis.call('HGET', tasks, id)), redis.call('HGET', RUNS, member)
  if run then
    forget_run(member, run)
    redis.call('HDEL', tasks, id)
  elseif record and not is_ended(record) then
    withdraw_task(user, id, record)
    free_key(user, string.match(record.body, '^[^|]*'))
    redis.call('HDEL', tasks, id)
  else
    ended[#ended + 1] = id
    local ttl = record and string.format('%d', record.expires - record.ended)
    redis.call('UNLINK', kept_key(user, ttl or ''))
    redis.call('ZREM', EXPIRY, user .. '|' .. (ttl or ''))
  end
  redis.call('HDEL', WAITERS, member)
end
if #ended > 0 then
  forget_ended(user, ended)
end
forget_user(user)
save_kept()
local left = redis.call('HLEN', tasks)
if left == 0 then
  redis.call('UNLINK', user_key(user, 'unique'))
  redis.call('ZREM', TAGS, user)
  redis.call('HDEL', KEPT_BYTES, user)
  redis.call('ZREM', BUCKETS, user)
  redis.call('ZREM', DUE, user .. '|')
  redis.call('HDEL', LIMITS, user)
  count_limited()
end
unpark_tasks()
join_ring(joining)
close_queue(8)
return { left, before - left }
