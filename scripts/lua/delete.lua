#!lua flags=allow-oom
-- Remove a task and all that is kept of it, whatever its state; one that is running is refused. Sent twice with one
-- request id, it says twice that it removed it (I3).
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring wake ghosts waiting
-- include: last
-- takes: now, user, id, request id
-- replies: 1 removed, 0 not known; refuses RUNNING
local now, user, id, request = unpack(ARGV)

open_queue(now, 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'deferred', 'flows', 'parents', 'holding',
  'releasing')
read_rules()
if redis.call('GET', LAST .. request) then     -- whatever has been pushed under this id since stays
  return 1
end
local tasks, member = user_key(user, 'tasks'), user .. '|' .. id
local text = redis.call('HGET', tasks, id)
if not text then
  return 0
end
if redis.call('HEXISTS', RUNS, member) == 1 then
  return redis.error_reply('RUNNING the task is running')
end

guard_queue()
guard_user(user)
local record = parse_record(text)
if record and not is_ended(record) then
  withdraw_task(user, id, record)
  free_key(user, string.match(record.body, '^[^|]*'))
  redis.call('HDEL', tasks, id)
  note_flow(user, record.nonce, 'tasks', -1)
  note_gone(user, id)
  forget_user(user)
else
  forget_ended(user, { id })
end
save_kept()
redis.call('SET', LAST .. request, '1', 'PX', LAST_TTL)
leave_parents(1)
save_flows()
wake_waiters({ member })
wake_waiters(settled_flows)
save_counts()
save_queue()
wake_for_rest(user)
return 1
