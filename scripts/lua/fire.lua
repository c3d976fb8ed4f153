#!lua
-- Fire schedules: push their tasks, note what came of each fire, and move the schedules on. A schedule that does not
-- stand as its scheduler has read it is left alone, so that each (schedule, version, instant) is pushed once, however
-- many schedulers there are (I18). Sent twice, it fires once (I3).
-- include: keys guard names stats limits counts record unique lane who retention ring wake due weigh backlog
-- include: accept close schedule firing
-- takes: now, wake limit; per schedule: id, version, the fire that is due ('': by hand, it does not move on), the next
--   one ('': none), overlap (a or s: skipped while the last task lives), level, when, body (as `push`), remark (of what
--   was passed over the last instant and, behind `:`, the first; or ''), number of fires; per fire: instant, task id,
--   nonce. Next `!`: nothing is fired; it is looked at again in a minute, and the remark says why
-- replies: per schedule 1 it has moved on, 0 it is not as it was read (it was changed, or is gone); by hand: as `push`.
--   Refuses BACKLOG, but for a single fire that was due, of which it is noted
local now, wake_limit = unpack(ARGV, 1, 2)

open_queue(now, 'seq', 'scopes', 'rules', 'queued', 'scheduled', 'failed', 'deferred')
read_rules()
local queued_before, flat = queue.queued, {}
guard_zsets(RING, TAGS, DUE, EXPIRY, SCHEDULES_DUE, SLEEP .. '*')
guard_hashes(WHO, NAMED, KEPT_BYTES, SCHEDULES)
local schedules = read_schedules(3)
for _, one in ipairs(schedules) do
  if one.known then
    redis.call('LLEN', fires_key(one.known.user, one.id))
    plan_fires(one, flat)
  end
end

local arrivals, weighed = #flat > 0 and weigh_arrivals(flat, 1), {}
if arrivals and arrivals.err then
  if #schedules > 1 or #schedules[1].fires > 1 or schedules[1].by_hand then
    return arrivals
  end
  arrivals, weighed = nil, false
elseif arrivals then
  for n, answer in ipairs(arrivals.answers) do
    weighed[n] = answer
  end
  write_arrivals(arrivals)
end

local answers = {}
for n, one in ipairs(schedules) do
  answers[n] = (one.known or one.done) and 1 or 0
  if one.known and one.following == '!' then
    postpone(one)
  elseif one.known then
    conclude(one, weighed)
    move_on(one)
    answers[n] = one.by_hand and weighed[1] ~= 0 and weighed[1] or 1
  end
end
save_kept()
join_ring(joining)
close_queue(math.min(queue.queued - queued_before, tonumber(wake_limit)))
return answers
