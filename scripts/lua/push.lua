#!lua
-- Accept tasks: write their records, put them into their lanes (or among the scheduled), let their users into the
-- ring and wake workers that serve them. All of the batch or nothing; the same push sent twice makes one task (I3).
-- include: keys guard wide names stats limits counts record unique lane who retention ring wake due weigh backlog
-- include: accept close
-- takes: now, wake limit; per task: user, level (1-6), id, nonce, when, body
--   nonce: names this push of a chosen id; empty for a generated id, which names its own push
--   when: '' ready now, '+ms' from now, 'ms' an instant (epoch), each with `/ms` behind it for a task that is canceled
--   if it has not started by so long from now; body: label|bytes (lib/record)
-- replies: per task 1 if this push made it, else the living task that holds the id (its nonce) or the unique key
--   (`<id>|<nonce>`); refuses BACKLOG
local now, wake_limit = unpack(ARGV, 1, 2)

open_queue(now, 'seq', 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'deferred')
read_rules()
local queued_before = queue.queued
guard_zsets(RING, TAGS, DUE, EXPIRY, SLEEP .. '*')
guard_hashes(WHO, NAMED, KEPT_BYTES)
widen((#ARGV - 2) / 6, { COUNTS, WHO }, { RING })
local arrivals = weigh_arrivals(ARGV, 3)
if arrivals.err then
  return arrivals
end
local answers = write_arrivals(arrivals)
save_kept()
join_ring(joining)
close_queue(math.min(queue.queued - queued_before, tonumber(wake_limit)))
return answers
