#!lua flags=allow-oom
-- Remove a bounded part of all that a user left: its tasks, whatever their state, its graphs, the values that they
-- left, its schedules, and with the last of these its settings. The outcome of a task that runs finds no lease and is
-- not accepted. Sent twice with one request id, it answers twice and acts once (I3).
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring hold wake run
-- include: suspect fate stop ghosts waiting park due erasure xcom schedule close last
-- takes: now, user, request id
-- replies: how many of its tasks, graphs, values and schedules are left, how many tasks were removed
local now, user, request = unpack(ARGV)
local MOST, BYTES = 100, 4194304     -- tasks, and bytes of records, that are looked at in one call

local left, removed = string.match(redis.call('GET', LAST .. request) or '', '^(%d+) (%d+)$')
if left then
  return { tonumber(left), tonumber(removed) }
end
open_queue(now, 'scopes', 'rules', 'aging', 'queued', 'scheduled', 'failed', 'failed_total',
  'stopping', 'deferred', 'flows', 'parents', 'holding')
read_rules()
guard_queue()
guard_user(user)
guard_zsets(user_key(user, 'xcom'))
redis.call('SCARD', user_key(user, 'terms'))
guard_schedules(user)
load_counts({ user })
local tasks, bytes = user_key(user, 'tasks'), 0
local before = redis.call('HLEN', tasks)
for n, id in ipairs(some_tasks(user, MOST)) do
  bytes = bytes + redis.call('HSTRLEN', tasks, id)
  if n > 1 and bytes > BYTES then
    break
  end
  local text = redis.call('HGET', tasks, id)
  if text then
    erase_task(user, id, text)
  end
end
forget_user(user)
save_kept()
removed = before - redis.call('HLEN', tasks)
left = before - removed + erase_flows(user, MOST) + erase_values(user, MOST) + erase_schedules(user, MOST)
if left == 0 then
  erase_rest(user)
end
unpark_tasks()
join_ring(joining)
close_queue(8)
wake_waiters(erased)
wake_waiters(settled_flows)
redis.call('SET', LAST .. request, left .. ' ' .. removed, 'PX', LAST_TTL)
return { left, removed }
