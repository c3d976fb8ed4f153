#!lua flags=no-writes
-- Read one page of one of the queue's tables: a hash, by cursor. Every field that stays there throughout is seen at
-- least once (SCAN's promise).
-- include: keys
-- takes: table (counts, busy, workers, workers-seen or served:<window>), cursor ('0' at first), about how many
-- replies: next cursor ('0' at the end), then field, value, ...
local name, cursor, count = unpack(ARGV)

local kind = redis.call('TYPE', ROOT .. name).ok
local page = redis.call(kind == 'zset' and 'ZSCAN' or 'HSCAN', ROOT .. name, cursor, 'COUNT', count)
local reply = { page[1] }
for n = 1, #page[2] do
  reply[n + 1] = page[2][n]
end
return reply
