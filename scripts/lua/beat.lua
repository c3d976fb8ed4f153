#!lua flags=allow-oom
-- A worker's heartbeat: it is alive, what it says of itself, whom it has served since the last one. Dead workers and
-- lists that nobody serves any more are cleared a few at a time.
-- include: keys guard names stats scope
-- takes: now, worker, description (a line that names this beat, then opaque), 1 if it holds tasks, else 0, ms until it
--   counts as gone, number of lists, their digests; then per measure: user, measure, amount (counted once, however
--   often this beat is sent)
-- replies: schema version (0: the queue was never met, or its data are lost), 1 if the users' settings that a
--   configuration gives have been sent, else 0, the name of the last beat of this worker ('' for none), its runs that
--   are to stop (user|id, `:` between; '' for none), then digests of these lists that are not registered (any more)
local now, worker, description, holds, gone_ms, lists = unpack(ARGV, 1, 6)
local SCOPE_TTL, WINDOW, WINDOWS = 300000, 600000, 7     -- ms, ms, windows kept

now = open_queue(now, 'scopes', 'schema', 'seeds', 'stopping')
local key = SERVED .. string.format('%d', math.floor(now / WINDOW))
guard_zsets(SEEN, AT_WORK, SCOPES)
guard_hashes(NAMED, key)
local said = redis.call('HGET', WORKERS, worker) or ''
local stops = queue.stopping ~= 0 and redis.call('HGET', STOPS, worker) or ''
redis.call('HSET', WORKERS, worker, description)
redis.call('ZADD', SEEN, now, worker)
if holds == '1' then
  redis.call('ZADD', AT_WORK, now, worker)
else
  redis.call('ZREM', AT_WORK, worker)
end
local gone = redis.call('ZRANGE', SEEN, '-inf', now - tonumber(gone_ms), 'BYSCORE', 'LIMIT', 0, 100)
if #gone > 0 then
  redis.call('ZREM', SEEN, unpack(gone))
  redis.call('ZREM', AT_WORK, unpack(gone))
  redis.call('HDEL', WORKERS, unpack(gone))
end

local answer = { tostring(queue.schema), queue.seeds == 0 and 0 or 1, string.match(said, '^[^\n]*'), stops }
for n = 7, 6 + lists do
  if (tonumber(redis.call('ZSCORE', SCOPES, ARGV[n]) or 0)) > 0 then
    redis.call('ZADD', SCOPES, now, ARGV[n])
  else
    answer[#answer + 1] = ARGV[n]
  end
end
if queue.scopes ~= 0 then
  local unserved = redis.call('ZRANGE', SCOPES, '-inf', now - SCOPE_TTL, 'BYSCORE', 'LIMIT', 0, 1)
  if #unserved > 0 then
    shrink_scope(unserved[1], 200)
  end
end

for n = said == description and #ARGV + 1 or 7 + lists, #ARGV, 3 do
  redis.call('HINCRBY', key, ARGV[n] .. '|' .. ARGV[n + 1], ARGV[n + 2])
end
if #ARGV > 6 + lists then
  redis.call('PEXPIRE', key, WINDOW * WINDOWS)
end
save_queue()
return answer
