#!lua flags=allow-oom
-- Register (a part of) a list of users that a worker serves, so that their first ready task enters the list's own
-- ring and wakes that worker. Registering again changes nothing but the time of the last refresh.
-- include: keys guard names stats
-- takes: now, digest; users (at most 1,000)
-- replies: how many of them were new to the list
local now, digest = unpack(ARGV, 1, 2)
local users = { unpack(ARGV, 3) }

open_queue(now, 'scopes')
guard_zsets(SCOPES, RING, SCOPE .. digest)
guard_hashes(NAMED)
redis.call('SCARD', SCOPE_USERS .. digest)
redis.call('ZADD', SCOPES, queue.now, digest)
set_stat('scopes', redis.call('ZCARD', SCOPES))
local new = redis.call('SADD', SCOPE_USERS .. digest, unpack(users))
local named = redis.call('HMGET', NAMED, unpack(users))
local tags, fields, ready = redis.call('ZMSCORE', RING, unpack(users)), {}, {}
for i = 1, #users do
  if not has_name(named[i], ',', digest) then
    fields[#fields + 1] = users[i]
    fields[#fields + 1] = with_name(named[i], ',', digest)
  end
  if tags[i] then
    ready[#ready + 1] = tags[i]
    ready[#ready + 1] = users[i]
  end
end
if #fields > 0 then
  redis.call('HSET', NAMED, unpack(fields))
end
if #ready > 0 then
  redis.call('ZADD', SCOPE .. digest, unpack(ready))
end
save_queue()
return new
