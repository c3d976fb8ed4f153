#!lua flags=no-writes
-- The queue's totals.
-- include: keys
-- takes: ms since the last heartbeat after which a worker counts as gone, names of totals
-- replies: users with a task kept, workers alive, tasks running, then the totals named
local gone_ms = ARGV[1]
local time = redis.call('TIME')
local alive_since = time[1] * 1000 + math.floor(time[2] / 1000) - gone_ms

local reply = { redis.call('HLEN', WHO), redis.call('ZCOUNT', SEEN, alive_since, '+inf'), redis.call('ZCARD', LEASES) }
local totals = redis.call('HMGET', STATS, unpack(ARGV, 2))
for n = 1, #totals do
  reply[3 + n] = tonumber(totals[n]) or totals[n] or 0
end
return reply
