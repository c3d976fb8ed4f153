#!lua flags=allow-oom
-- A worker says goodbye: it is no longer listed, asleep or remembered.
-- include: keys guard
-- takes: worker, its lists ('*' or digests)
-- replies: 1 if it was listed, else 0
local worker = ARGV[1]

guard_zsets(SEEN, AT_WORK)
guard_hashes(WORKERS)
for n = 2, #ARGV do
  guard_zsets(SLEEP .. ARGV[n])
end
redis.call('ZREM', SEEN, worker)
redis.call('ZREM', AT_WORK, worker)
redis.call('DEL', WAKE .. worker, LAST .. worker)
for n = 2, #ARGV do
  redis.call('ZREM', SLEEP .. ARGV[n], worker)
end
return redis.call('HDEL', WORKERS, worker)
