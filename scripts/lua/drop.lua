#!lua flags=allow-oom
-- Remove a page of a queue's keys. Called until the cursor comes round, with nobody at work on it, the queue is gone.
-- include: keys
-- takes: cursor ('0' at first), about how many keys of the database to look at
-- replies: next cursor ('0' at the end), how many keys were removed
local cursor, count = unpack(ARGV)

local page = redis.call('SCAN', cursor, 'MATCH', ROOT .. '*', 'COUNT', count)
if #page[2] > 0 then
  redis.call('UNLINK', unpack(page[2]))
end
return { page[1], #page[2] }
