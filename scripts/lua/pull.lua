#!lua flags=no-writes
-- Find what a run asks for by a key: a value that was left in its run, the result of its flow's task that has this key,
-- a value that was left for the user. The first that there is.
-- include: keys xcom
-- takes: user, id, nonce, key
-- replies: 'run' or 'user' and the value; 'task', its id and its record, which is that of a finished task; or nothing
local user, id, nonce, key = unpack(ARGV)

local value = redis.call('GET', value_key(user, scope_of(id, nonce) .. ':' .. key))
if value then
  return { 'run', value }
end
local owner = string.sub(nonce, 1, 1) == 'g' and redis.call('HGET', user_key(user, 'keys:' .. nonce), key)
local record = owner and redis.call('HGET', user_key(user, 'tasks'), owner)
if record and string.sub(record, 1, 1) == 'F' then
  return { 'task', owner, record }
end
value = redis.call('GET', value_key(user, USER_SCOPE .. ':' .. key))
return value and { 'user', value } or {}
