#!lua flags=allow-oom
-- A scheduler's tick: it takes the lock or renews it, and hears what is due. The lock saves work and nothing hangs on
-- it: whoever lost it without knowing fires nothing twice (fire.lua).
-- include: keys guard stats schedule
-- takes: now, token (of this scheduler process), what it says of itself (opaque, no `:`), ms for which it has the lock
--   (0: it leaves), number of schedules wanted
-- replies: 1 if it has the lock, now, ms until more is due (-1: at no time), or until the lock of another lapses; per
--   schedule that is due: id, what is known of it
local now, token, member, lease, most = unpack(ARGV)
local BYTES, GONE = 4194304, 10000     -- of one answer; ms after which a silent scheduler is not listed any more

now = open_queue(now)
guard_schedules()
guard_zsets(SCHEDULERS)
local till, holder = string.match(redis.call('GET', LOCK) or '', '^(%d+):([^:]*):')
local free = not till or holder == token or tonumber(till) <= now
save_queue()
if lease == '0' then
  redis.call('ZREM', SCHEDULERS, member)
  if holder == token then
    redis.call('DEL', LOCK)
  end
  return { 0, now, -1 }
end
redis.call('ZADD', SCHEDULERS, now, member)
redis.call('ZREMRANGEBYSCORE', SCHEDULERS, '-inf', now - GONE)
if not free then
  return { 0, now, till - now }
end
redis.call('SET', LOCK, string.format('%d:%s:%s', now + lease, token, member), 'PX', lease * 2)

local answer, bytes, more = { 1, now, -1 }, 0, false
local due = redis.call('ZRANGE', SCHEDULES_DUE, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
for n, id in ipairs(due) do
  bytes = bytes + redis.call('HSTRLEN', SCHEDULES, id)
  more = n > 1 and bytes > BYTES
  if more then
    break
  end
  local known = sound_schedule(id)
  if known and known.state == 'A' and (tonumber(known.due) or math.huge) <= now then
    answer[#answer + 1] = id
    answer[#answer + 1] = format_schedule(known)
  else     -- nobody can fire it, or not yet
    enter_due(id, known)
  end
end
local following = redis.call('ZRANGE', SCHEDULES_DUE, '(' .. now, '+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
if more or following[1] then
  answer[3] = more and 0 or following[2] - now
end
return answer
