#!lua flags=allow-oom
-- The last part of a graph has been handed in: its gate opens, and what waits for nothing else becomes ready, the first
-- of it in this call. Sent twice it acts once (I3).
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring hold wake run
-- include: fate stop ghosts waiting due release staging close
-- takes: now, wake limit, user, mark, tasks that it has
-- replies: 1; refuses GONE (the flow was dropped, or a part is missing)
local now, wake_limit, user, mark, tasks = unpack(ARGV)

open_queue(now, 'seq', 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'failed_total', 'canceled_total', 'deferred',
  'flows', 'parents', 'holding', 'releasing')
read_rules()
local member = user .. '|' .. mark
local flow = parse_flow(redis.call('HGET', FLOWS, member))
if flow and flow.state == 'l' then
  return 1
elseif not (flow and is_growing(flow) and flow.tasks == tonumber(tasks)) then
  return redis.error_reply('GONE ' .. mark)
end
guard_queue()
guard_user(user)
flow.state = 'l'
redis.call('HSET', FLOWS, member, format_flow(flow))
redis.call('ZREM', FLOWS_DUE, member)
note_parent(user, gate_of(mark), 'F')
release_children()
save_kept()
save_flows()
join_ring(joining)
close_queue(tonumber(wake_limit))
wake_waiters(ended_members)
wake_for_rest(user)
return 1
