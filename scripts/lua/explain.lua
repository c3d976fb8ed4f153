#!lua flags=no-writes
-- Say why a task has not started: where it stands, and what bars its user, its name or the queue, by the very functions
-- that claims judge by.
-- include: keys stats limits counts lane record rank
-- takes: now, user ('' to find it by the fingerprint), fingerprint, id
-- replies: nothing for an unknown task; else user, record, run (or false), tasks of its user that start before it (-1:
--   not ready), users whose turn comes before its user's (-1: it is not in the ring), users in the ring, the lists that
--   name it, ms at which it is due (''), now; then of its user, its name and the queue: bar (p, c, r or ''), settings,
--   running, ms at which a rate opens ('')
local now, user, print, id = unpack(ARGV)

open_queue(now, 'rules', 'aging')
read_rules()
local text
for known in string.gmatch(user ~= '' and user or redis.call('HGET', WHO, print) or '', '[^|]+') do
  text = redis.call('HGET', user_key(known, 'tasks'), id)
  user = known
  if text then
    break
  end
end
local record = parse_record(text)
if not record then
  return {}
end
local subject = subject_of(record.body)
load_counts({ user })
load_busy({ user, subject })
load_limits({ user, subject, WHOLE })
busy[WHOLE] = redis.call('ZCARD', LEASES)

local run = redis.call('HGET', RUNS, user .. '|' .. id)
local ahead = record.state == 'Q' and not run and tasks_before(user, record.level, record.seq) or -1
local answer = { user, text, run, ahead, redis.call('ZRANK', RING, user) or -1, redis.call('ZCARD', RING),
  redis.call('HGET', NAMED, user) or '', redis.call('ZSCORE', DUE, user .. '|' .. id) or '', queue.now }
for _, one in ipairs({ user, subject, WHOLE }) do
  local room, bar = room_of(one, busy[one])
  local n = #answer
  answer[n + 1] = room == 0 and bar or ''
  local others = not is_name(one) and redis.call('HGET', LIMITS, '*') or ''
  answer[n + 2] = others .. (redis.call('HGET', LIMITS, one) or '')
  answer[n + 3] = busy[one]
  answer[n + 4] = room == 0 and bar == 'r' and string.format('%d', opening_of(one)) or ''
end
return answer
