#!lua flags=no-writes
-- Read one page of one of the queue's tables: a hash or a sorted set, by cursor. Every field that stays there
-- throughout is seen at least once (SCAN's promise).
-- include: keys page
-- takes: table (counts, schedules, served:<window> or any other), cursor ('0' at first), about how many; fewer are read
--   where they are large
-- replies: next cursor ('0' at the end), then a list: field, value, ...
local name, cursor, count = unpack(ARGV)

return { read_page(ROOT .. name, cursor, tonumber(count)) }
