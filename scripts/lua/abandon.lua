#!lua flags=allow-oom
-- Drop a part of a flow that was handed in and never launched; what else waits for its tasks is told.
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring hold wake run
-- include: fate stop ghosts waiting due release staging close
-- takes: now, user, mark
-- replies: 1 where there may be more of it, 0 where it is gone, or lives
local now, user, mark = unpack(ARGV)

open_queue(now, 'seq', 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'failed_total', 'canceled_total', 'deferred',
  'flows', 'parents', 'holding', 'releasing')
read_rules()
local flow = parse_flow(redis.call('HGET', FLOWS, user .. '|' .. mark))
if not flow or flow.state ~= 's' then
  return 0
end
guard_queue()
guard_user(user)
local more = drop_part(user, mark, flow)
local rounds = 0
repeat
  release_children()
  rounds = rounds + 1
until queue.releasing == 0 or rounds == 4
save_kept()
save_flows()
join_ring(joining)
close_queue(8)
wake_waiters(settled_flows)
wake_waiters(ended_members)
wake_for_rest(user)
return more and 1 or 0
