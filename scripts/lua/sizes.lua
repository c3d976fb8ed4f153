#!lua flags=no-writes
-- What waits and runs for one user.
-- include: keys
-- takes: user
-- replies: counts (lib/counts), running, and of how many ended tasks (of all users) children are to be told yet; each
--   false where there is none
local user = ARGV[1]

return { redis.call('HGET', COUNTS, user), redis.call('HGET', BUSY, user), redis.call('HGET', STATS, 'releasing') }
