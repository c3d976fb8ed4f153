#!lua flags=allow-oom
-- Meet a queue: write its schema version and its settings if it is new, else say what stands there.
-- include: keys
-- takes: schema version, ageing (ms a level), cost (count, declared or time), the name of the seeds that have been
--   sent ('': none)
-- replies: schema version, ageing and rules (lib/limits) in force, the name of the seeds sent last ('' or false: none)
local schema, aging, cost, seeds = unpack(ARGV)

redis.call('HSETNX', STATS, 'schema', schema)
redis.call('HSETNX', STATS, 'aging', aging)
redis.call('HSETNX', STATS, 'rules', cost .. ' 0 0')
if seeds ~= '' then
  redis.call('HSET', STATS, 'seeds', seeds)
end
return redis.call('HMGET', STATS, 'schema', 'aging', 'rules', 'seeds')
