#!lua flags=no-writes
-- Read one task.
-- include: keys
-- takes: user ('' to find it by the fingerprint), fingerprint, id
-- replies: user, record, run (of each: false where there is none); an empty array where no such task is known
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
    return { owner, record, redis.call('HGET', RUNS, owner .. '|' .. id) }
  end
end
return {}
