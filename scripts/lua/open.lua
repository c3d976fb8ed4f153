#!lua flags=allow-oom
-- Meet a queue: write its schema version and its settings if it is new, else say what stands there.
-- include: keys
-- takes: schema version, ageing (ms a level)
-- replies: schema version, ageing in force
local schema, aging = unpack(ARGV)

redis.call('HSETNX', STATS, 'schema', schema)
redis.call('HSETNX', STATS, 'aging', aging)
return redis.call('HMGET', STATS, 'schema', 'aging')
