#!lua flags=no-writes
-- Read a page of a user's failed tasks, the newest first. One that fails meanwhile may be seen twice; none is missed.
-- include: keys
-- takes: user, id after which to go on ('' at first) and the ms at which it had failed, how many (at most 100)
-- replies: id, ms at which it failed, record, ...; the page is short where records are large, and empty at the end
local user, after, at, count = unpack(ARGV)
local MOST = 4194304     -- bytes of records in one page; one record at least

local failed, tasks = user_key(user, 'failed'), user_key(user, 'tasks')
local first = 0
if after ~= '' then
  local rank = redis.call('ZREVRANK', failed, after)
  first = rank and rank + 1 or redis.call('ZCOUNT', failed, '(' .. at, '+inf')
end
local page = redis.call('ZRANGE', failed, first, first + count - 1, 'REV', 'WITHSCORES')
local reply, bytes = {}, 0
for n = 1, #page, 2 do
  bytes = bytes + redis.call('HSTRLEN', tasks, page[n])
  if n > 1 and bytes > MOST then
    break
  end
  reply[#reply + 1] = page[n]
  reply[#reply + 1] = page[n + 1]
  reply[#reply + 1] = redis.call('HGET', tasks, page[n]) or ''
end
return reply
