#!lua flags=allow-oom
-- A worker's heartbeat: it is alive, what it says of itself, whom it has served since the last one. Dead workers and
-- lists that nobody serves any more are cleared a few at a time.
-- include: keys guard names stats scope
-- takes: now, worker, description (a line that names this beat, then opaque), ms until it counts as gone, number of
--   lists, their digests; then per measure: user, measure, amount (counted once, however often this beat is sent)
-- replies: its runs that are to stop (user|id, `:` between; '' for none), then digests of these lists that are not
--   registered (any more)
local now, worker, description, gone_ms, lists = unpack(ARGV, 1, 5)
local SCOPE_TTL, WINDOW, WINDOWS = 300000, 600000, 7     -- ms, ms, windows kept

now = open_queue(now, 'scopes')
local key = SERVED .. string.format('%d', math.floor(now / WINDOW))
guard_zsets(SEEN, SCOPES)
guard_hashes(WORKERS, NAMED, STOPS, key)
local repeated = redis.call('HGET', WORKERS, worker) == description
redis.call('HSET', WORKERS, worker, description)
redis.call('ZADD', SEEN, now, worker)
local gone = redis.call('ZRANGE', SEEN, '-inf', now - tonumber(gone_ms), 'BYSCORE', 'LIMIT', 0, 100)
if #gone > 0 then
  redis.call('ZREM', SEEN, unpack(gone))
  redis.call('HDEL', WORKERS, unpack(gone))
end

local answer = { redis.call('HGET', STOPS, worker) or '' }
for n = 6, 5 + lists do
  if (tonumber(redis.call('ZSCORE', SCOPES, ARGV[n]) or 0)) > 0 then
    redis.call('ZADD', SCOPES, now, ARGV[n])
  else
    answer[#answer + 1] = ARGV[n]
  end
end
local unserved = redis.call('ZRANGE', SCOPES, '-inf', now - SCOPE_TTL, 'BYSCORE', 'LIMIT', 0, 1)
if #unserved > 0 then
  shrink_scope(unserved[1], 200)
end

for n = repeated and #ARGV + 1 or 6 + lists, #ARGV, 3 do
  redis.call('HINCRBY', key, ARGV[n] .. '|' .. ARGV[n + 1], ARGV[n + 2])
end
if #ARGV > 5 + lists then
  redis.call('PEXPIRE', key, WINDOW * WINDOWS)
end
save_queue()
return answer
