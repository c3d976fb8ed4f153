#!lua flags=no-writes
-- What a queue has to know of its server before it trusts it.
-- include: keys
-- takes: nothing
-- replies: the policy by which keys are evicted ('' where the server does not say)
local memory = redis.pcall('INFO', 'memory')
return type(memory) == 'string' and string.match(memory, 'maxmemory_policy:(%S+)') or ''
