#!lua
-- Accept a graph of tasks of one user, or a part of one; or tasks that wait for others. All of the call or nothing;
-- sent twice it acts once (I3). A part of a larger graph waits behind a gate until `launch` opens it.
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring wake run due weigh
-- include: backlog accept link staging intake close
-- takes: now, wake limit, mode, member and token of the run that adds these ('' where none does), those of their ids
--   that have to end before what waits for that run's task goes on (`|` between), mark, run id, how many tasks of the
--   graph other calls bring, lines that describe the flow (the id and `|` first in each), keys of results (key and id,
--   `|` between all); then per task the six of `push`, with what it waits for behind `when` (lib/link)
--   mode: push (no flow; a living task is answered), or of a flow: check (nothing is written), whole, first, stage,
--   join (a flow that lives)
-- replies: as `push`; nothing for a check, or a call that was sent twice; refuses BACKLOG, PARENT (not known to its
--   user), CONFLICT (an id, a unique key or a run id that lives), STALE (the run that adds these has lost its lease),
--   GONE (the flow was dropped, or has ended)
local now, wake_limit, mode, member, token, holders, mark, run_id, beyond, lines, keys = unpack(ARGV, 1, 11)
local FIRST = 12

open_queue(now, 'seq', 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'deferred', 'flows', 'parents', 'holding',
  'releasing')
read_rules()
local user, queued_before = ARGV[FIRST], queue.queued
if member ~= '' and not holds(redis.call('HGET', RUNS, member), token) then
  return redis.error_reply('STALE the lease of this run has lapsed')
end

guard_queue()
guard_user(user)
read_links(ARGV, FIRST)
local flow = mode ~= 'push' and parse_flow(redis.call('HGET', FLOWS, user .. '|' .. mark))
if flow and flow.state == 'l' and mode ~= 'join' then     -- all of it has been accepted
  return {}
end
beyond_call = tonumber(beyond) - (flow and flow.state == 's' and flow.tasks or 0)
deferral = defer_task
local arrivals = weigh_arrivals(ARGV, FIRST)
if arrivals.err then
  return arrivals
end
if was_accepted(arrivals.answers, mode) then
  return {}
end
local refusal = conflict_of(arrivals, flow, mark, run_id, mode)
if refusal then
  return redis.error_reply(refusal)
elseif mode == 'check' then
  return {}
end

if mode == 'first' or mode == 'stage' then
  gate = gate_of(mark)
end
if mode ~= 'push' then
  guard_flow(user, mark)
end
hold_children(arrivals, member, holders)
if mode ~= 'push' then
  open_flow(arrivals, mark, run_id, mode, lines, keys)
end
local answers = write_arrivals(arrivals)
save_links()
leave_parents(1)
save_kept()
save_flows()
join_ring(joining)
close_queue(math.min(queue.queued - queued_before, tonumber(wake_limit)))
wake_for_rest(user)
return answers
