#!lua flags=allow-oom
-- Ask to be woken when a task ends, or take the request back. A task that has ended already (or is not known) wakes
-- nobody: the caller is told at once.
-- include: keys guard names stats record flow
-- takes: user, id (of a task; or `|` and the mark of a flow, to wait until it has ended or is stuck), waiter's name,
--   1 to wait or 0 to give up
-- replies: 1 when the waiter is listed, else 0
local user, id, waiter, waits = unpack(ARGV)
local member = user .. '|' .. id

if waits == '0' then
  drop_name(WAITERS, member, ',', waiter)
  return 0
end
if string.byte(id) == 124 then
  local flow = parse_flow(redis.call('HGET', FLOWS, user .. id))
  if not flow or is_settled(flow) then
    return 0
  end
else
  local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
  if not record or is_ended(record) then
    return 0
  end
end
local names = redis.call('HGET', WAITERS, member)
if not has_name(names, ',', waiter) then
  redis.call('HSET', WAITERS, member, with_name(names, ',', waiter))
end
return 1
