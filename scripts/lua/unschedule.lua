#!lua flags=allow-oom
-- Remove a schedule and its history; the tasks that it has pushed stay. Sent twice with one request id, it says twice
-- that it removed it (I3).
-- include: keys guard stats schedule last
-- takes: id, request id
-- replies: 1 removed, 0 not known
local id, request = unpack(ARGV)

guard_schedules()
if redis.call('GET', LAST .. request) then     -- one that has been added under this id since stays
  return 1
end
local text = redis.call('HGET', SCHEDULES, id)
if not text then
  return 0
end
local known = parse_schedule(text)
if known then
  redis.call('SCARD', user_key(known.user, 'schedules'))
end
forget_schedule(known and known.user or '', id)
redis.call('SET', LAST .. request, '1', 'PX', LAST_TTL)
return 1
