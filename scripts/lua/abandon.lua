#!lua flags=allow-oom
-- Drop a part of a flow that was handed in and never launched.
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring hold wake ghosts
-- include: waiting staging close
-- takes: now, user, mark
-- replies: 1 where there may be more of it, 0 where it is gone, or lives
local now, user, mark = unpack(ARGV)

open_queue(now, 'scopes', 'rules', 'queued', 'scheduled', 'deferred', 'flows', 'parents', 'holding', 'releasing')
read_rules()
local flow = parse_flow(redis.call('HGET', FLOWS, user .. '|' .. mark))
if not flow or flow.state ~= 's' then
  return 0
end
guard_queue()
guard_user(user)
local more = drop_part(user, mark, flow)
leave_parents(1)
save_counts()
save_queue()
wake_waiters(settled_flows)
wake_waiters(ended_members)
wake_for_rest(user)
return more and 1 or 0
