#!lua flags=no-writes
-- Read tasks of a user: as many of those that are asked for as make a page of bytes, one at least.
-- include: keys
-- takes: user, `records` or `heads` (records up to their label), ids (at most 500)
-- replies: per task its record, its run and its progress, each false where there is none
local user, what = unpack(ARGV, 1, 2)
local MOST = 4194304     -- bytes of records in one page

local tasks, reply, bytes = user_key(user, 'tasks'), {}, 0
for n = 3, #ARGV do
  bytes = bytes + redis.call('HSTRLEN', tasks, ARGV[n])
  if n > 3 and bytes > MOST then
    break
  end
  local record, member = redis.call('HGET', tasks, ARGV[n]), user .. '|' .. ARGV[n]
  if record and what == 'heads' then
    record = string.match(record, '^[^|]*|[^|]*') .. '|'
  end
  reply[#reply + 1] = record
  reply[#reply + 1] = redis.call('HGET', RUNS, member)
  reply[#reply + 1] = redis.call('HGET', PROGRESS, member)
end
return reply
