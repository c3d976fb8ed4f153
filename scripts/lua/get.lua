#!lua flags=no-writes
-- Read one task.
-- include: keys
-- takes: user ('' to find it by the fingerprint), fingerprint, id
-- replies: user, record, and of a task that runs its run and progress (false where it reported none); an empty array
--   where no such task is known
local user, print, id = unpack(ARGV)

local users = { user }
if user == '' then
  users = {}
  for known in string.gmatch(redis.call('HGET', WHO, print) or '', '[^|]+') do
    users[#users + 1] = known
  end
end
for _, owner in ipairs(users) do
  local record = redis.call('HGET', user_key(owner, 'tasks'), id)
  if record then
    local member = owner .. '|' .. id
    return { owner, record, redis.call('HGET', RUNS, member), redis.call('HGET', PROGRESS, member) }
  end
end
return {}
