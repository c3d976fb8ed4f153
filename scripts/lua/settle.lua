#!lua flags=allow-oom
-- A worker's one call: accept the outcomes of its runs, ready what is due, reap what is lost, and grant it the next
-- tasks, first of the users assigned to it, then of those it may steal from (I14). Works when Redis is full, so that
-- the queue drains. Sent twice with one request id, it answers twice and acts once (I3).
-- include: keys names stats counts record lane who ring wake run suspect
-- include: retention due outcome reap ghosts claim last close
-- takes: now, lease ms, worker, request id, assigned list, steal list ('*', a digest or ''), want (0-200), block ms
--   (0: do not sleep); per outcome: member, token, kind (lib/outcome), argument, text
-- replies: ms after which to ask again (0 if all that was wanted is granted), places of stale outcomes (`,` between),
--   then member, run and record of each granted task, in the order in which they are to start
local now, lease_ms, worker, request, assigned, steal, want, block_ms = unpack(ARGV, 1, 8)
lease_ms, want, block_ms = tonumber(lease_ms), tonumber(want), tonumber(block_ms)

open_queue(now, 'seq', 'token', 'scopes', 'aging', 'resumed', 'queued', 'scheduled', 'failed', 'finished_total',
  'failed_total', 'retried_total', 'lost_total')
local answer = repeat_reply(worker, request)
if answer then
  return answer
end

answer = { 0, accept_outcomes(9) }
reap_leases(10, lease_ms)
promote_due(100)
retain(ended_by_minute)
sweep_ended(2 * #ended_members + 100)
refund_users()
join_ring(joining)

local granted = claim_tasks(assigned, want, worker, lease_ms, answer)
granted = granted + claim_tasks(steal, want - granted, worker, lease_ms, answer)
sweep_tags(100)
close_queue(8)
wake_waiters(ended_members)

if granted < want and block_ms > 0 then
  answer[1] = fall_asleep(worker, assigned, steal, block_ms, reaping_from(lease_ms))
else
  rise(worker, assigned, steal)
end
if want > 0 and granted == want then
  local head = redis.call('ZRANGE', RING, 0, 0)
  if #head > 0 then
    wake_servers(head, 1)
  end
end
if granted > 0 or #ARGV > 8 then
  remember_reply(worker, request, answer)
end
return answer
