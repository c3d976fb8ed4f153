#!lua
-- Write a schedule, new or changed: only over the version, and the next fire, that its author has read. Sent twice, it
-- makes one version (I3).
-- include: keys guard stats schedule
-- takes: now, id, user, the version that there is (0: none), its next fire ('': none), the state to come (A, P or E),
--   the next fire to come, the rest (opaque)
-- replies: the version that it has now; refuses CHANGED (it has been changed, or has fired, since it was read)
local now, id, user, version, due, state, following, body = unpack(ARGV)

open_queue(now)
guard_schedules(user)
local known = parse_schedule(redis.call('HGET', SCHEDULES, id)) or { version = '0', due = '', before = '', user = user,
  task = '', nonce = '' }
local next_version = string.format('%d', version + 1)
if known.version == next_version and known.body == body and known.state == state and known.user == user then
  return tonumber(known.version)
elseif known.version ~= version or known.due ~= due then
  return redis.error_reply('CHANGED ' .. id)
end
if known.user ~= user then
  redis.call('SREM', user_key(known.user, 'schedules'), id)
  redis.call('UNLINK', fires_key(known.user, id))
  known.user, known.task, known.nonce = user, '', ''
end
known.version, known.state, known.due, known.before, known.body = next_version, state, following, '', body
redis.call('SADD', user_key(user, 'schedules'), id)
save_schedule(id, known)
save_queue()
return tonumber(next_version)
