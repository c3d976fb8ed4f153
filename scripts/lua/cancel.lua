#!lua flags=allow-oom
-- Cancel a task: one that waits ends at once, one that runs is asked to stop, by its worker's next heartbeat. Sent
-- twice with one request id, it answers the same and acts once (I3).
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring wake run fate
-- include: stop ghosts waiting due release close last
-- takes: now, user, id, nonce of the incarnation that is meant ('-': whichever lives), ms for which it is kept,
--   request id
-- replies: 0 there is no such task, 1 canceled, 2 asked to stop, 3 it had ended otherwise
local now, user, id, nonce, keep_ms, request = unpack(ARGV)

open_queue(now, 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'failed_total', 'canceled_total', 'stopping', 'seq',
  'deferred', 'flows', 'parents', 'holding', 'releasing')
read_rules()
local answer = redis.call('GET', LAST .. request)
if answer then
  return tonumber(answer)
end
local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
if not record or (nonce ~= '-' and nonce ~= record.nonce) then
  return 0
elseif is_ended(record) then
  return record.state == 'C' and 1 or 3
end

guard_queue()
guard_user(user)
local member = user .. '|' .. id
local run = redis.call('HGET', RUNS, member)
if run then
  ask_to_stop(worker_of(run), member)
  redis.call('SET', LAST .. request, 2, 'PX', LAST_TTL)
  save_queue()
  return 2
end
redis.call('LLEN', kept_key(user, string.format('%d', keep_ms)))
cancel_waiting(user, id, record, 'canceled', tonumber(keep_ms))
release_children()
save_kept()
save_flows()
redis.call('SET', LAST .. request, 1, 'PX', LAST_TTL)
wake_waiters(ended_members)
wake_waiters(settled_flows)
join_ring(joining)
close_queue(8)
wake_for_rest(user)
return 1
