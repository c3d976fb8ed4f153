#!lua flags=no-writes
-- What the server says of itself.
-- include: keys
-- takes: sections of its INFO, at least one
-- replies: Redis's clock in us, and these sections (false: not permitted)
local time = redis.call('TIME')
local told = redis.pcall('INFO', unpack(ARGV))
return { time[1] * 1000000 + time[2], type(told) == 'string' and told }
