#!lua flags=allow-oom
-- Ask to be woken when a task ends, or take the request back. A task that has ended already (or is not known) wakes
-- nobody: the caller is told at once.
-- include: keys record
-- takes: user, id, waiter's name, 1 to wait or 0 to give up
-- replies: 1 when the waiter is listed, else 0
local user, id, waiter, waits = unpack(ARGV)
local member = user .. '|' .. id

local names, listed = {}, false
for name in string.gmatch(redis.call('HGET', WAITERS, member) or '', '[^,]+') do
  if name ~= waiter then
    names[#names + 1] = name
  end
end
if waits == '1' then
  local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
  listed = record ~= nil and not is_ended(record)
  if listed then
    names[#names + 1] = waiter
  end
end
if #names > 0 then
  redis.call('HSET', WAITERS, member, table.concat(names, ','))
else
  redis.call('HDEL', WAITERS, member)
end
return listed and 1 or 0
