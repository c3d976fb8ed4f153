#!lua flags=allow-oom
-- A worker's one call: accept the outcomes of its runs, ready what is due, reap what is lost, and grant it the next
-- tasks, first of the users assigned to it, then of those it may steal from (I14). Works when Redis is full, so that
-- the queue drains. Sent twice with one request id, it answers twice and acts once (I3).
-- include: keys guard wide names stats limits counts record unique lane parents flow who retention evict ring hold wake
-- include: run suspect price charge fate stop ghosts waiting due outcome release staging reap take park buffer choose
-- include: claim last close
-- takes: now, lease ms, worker, request id, assigned list, steal list ('*', a digest or ''), want (0-100), block ms
--   (0: do not sleep), bytes of ended records that a user may keep; per outcome: member, token, kind
--   (lib/outcome), ran (us, or ''), argument, text
-- replies: ms after which to ask again (0 if all that was wanted is granted), places of stale outcomes (`,` between),
--   then member, run and record of each granted task, in the order in which they are to start
local now, lease_ms, worker, request, assigned, steal, want, block_ms, kept_bytes = unpack(ARGV, 1, 9)
lease_ms, want, block_ms = tonumber(lease_ms), tonumber(want), tonumber(block_ms)

open_queue(now, 'seq', 'token', 'scopes', 'aging', 'rules', 'resumed', 'queued', 'scheduled', 'failed',
  'finished_total', 'failed_total', 'canceled_total', 'retried_total', 'lost_total', 'stopping', 'deferred', 'flows',
  'parents', 'holding', 'releasing')
read_rules()
want = sees_each() and math.min(want, SEEN_MOST) or want
local answer = repeat_reply(worker, request)
if answer then
  return answer
end

guard_queue(SEEN)
guard_zsets(SLEEP .. assigned, SLEEP .. steal, SCOPE .. assigned, SCOPE .. steal)
widen(math.max(want, (#ARGV - 9) / 6), { COUNTS, BUSY, KEPT_BYTES }, { RING, LEASES })
queue.at = string.format('%d', queue.now)
answer = { 0, accept_outcomes(10) }
reap_leases(10, lease_ms)
promote_due(100)
release_children()
unpark_tasks()
apply_shifts()

local room, granted = queue_room(want), 0
repeat
  join_ring(joining)
  joining = {}
  granted = granted + claim_tasks(assigned, room - granted, worker, lease_ms, answer)
  granted = granted + claim_tasks(steal, room - granted, worker, lease_ms, answer)
until granted == room or not unpark_tasks()
spend(WHOLE, granted)
local more = queue_room(1) == 1
local over = save_kept(tonumber(kept_bytes))
save_flows()
sweep_ended(2 * #ended_members + 100)
evict_kept(over, tonumber(kept_bytes), 100)
sweep_flows()
leave_parents(1)
sweep_tags(100)
save_buckets()
sweep_buckets(100)
save_means()
close_queue(8)
wake_waiters(ended_members)
wake_waiters(settled_flows)

if granted < want and block_ms > 0 then
  answer[1] = fall_asleep(worker, assigned, steal, block_ms, reaping_from(lease_ms))
else
  rise(worker, assigned, steal)
  watch_due()
end
if more and (want > 0 and granted == room or limits[WHOLE] and #ARGV > 9) then
  wake_servers(redis.call('ZRANGE', RING, 0, 99), 1)
end
if granted > 0 or #ARGV > 9 then
  remember_reply(worker, request, answer)
end
return answer
