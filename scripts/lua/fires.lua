#!lua flags=no-writes
-- Read a schedule, and what came of its last fires.
-- include: keys stats schedule
-- takes: now, id ('': none is asked for), number of fires wanted
-- replies: now, what the scheduler says of itself that has the lock ('': none has), what is known of the schedule (or
--   false), then its fires, the newest first
local now, id, most = unpack(ARGV)

now = open_queue(now)
local till, holder = string.match(redis.call('GET', LOCK) or '', '^(%d+):[^:]*:(.*)$')
local text = id ~= '' and redis.call('HGET', SCHEDULES, id)
local answer = { now, till and tonumber(till) > now and holder or '', text }
local known = parse_schedule(text)
if known and most ~= '0' then
  for _, line in ipairs(redis.call('LRANGE', fires_key(known.user, id), 0, most - 1)) do
    answer[#answer + 1] = line
  end
end
return answer
