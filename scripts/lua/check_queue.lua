#!lua flags=no-writes
-- What can be said of a whole queue at one instant: the kinds of its tables, their sizes, what is first in its
-- timetables, and what its own numbers say.
-- include: keys stats limits audit
-- takes: now, ms since its last heartbeat after which a worker counts as gone, and since its last tick a scheduler
-- replies: tables of another kind than they should be, `,` between, and then nothing else; else '', Redis's clock, the
--   queue's clock (ms), schema (0: none), users with a record, workers alive; sizes of counts, runs, leases, due, held,
--   limits, parked, scopes, stops, flows, ended tasks whose children are to be told yet; queued, scheduled, failed,
--   deferred, scopes, runs to stop, flows, such ended tasks as counted; subjects with settings and names of these as
--   counted; schedulers alive; ms at which the first task is due, the first lease lapses, leases are reaped from, the
--   first record expires, the first flow is forgotten ('' where there is none); the first of such ended tasks (''); ms
--   at which the first schedule is due ('')
local now, gone_ms, tick_ms = unpack(ARGV)
local ZSETS = { RING, TAGS, BUCKETS, PARKED, LEASES, DUE, EXPIRY, SCOPES, SEEN, AT_WORK, FLOWS_DUE, SCHEDULES_DUE,
  SCHEDULERS }
local HASHES = { STATS, HELD, LIMITS, MEANS, COUNTS, BUSY, RUNS, PROGRESS, SUSPECTS, STOPS, KEPT_BYTES, WHO, WAITERS,
  NAMED, WORKERS, FLOWS, SCHEDULES }

local wrong = {}
for kind, keys in pairs({ zset = ZSETS, hash = HASHES, list = { RELEASES }, string = { LOCK } }) do
  for _, key in ipairs(keys) do
    local found = redis.call('TYPE', key).ok
    if found ~= kind and found ~= 'none' then
      wrong[#wrong + 1] = string.match(key, '[^:]*$')
    end
  end
end
if #wrong > 0 then
  table.sort(wrong)
  return { table.concat(wrong, ',') }
end

local function first_of(key)
  return tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) or ''
end

local time = redis.call('TIME')
local clock = tonumber(now) or time[1] * 1000 + math.floor(time[2] / 1000)
open_queue(now, 'rules', 'resumed', 'schema', 'queued', 'scheduled', 'failed', 'deferred', 'scopes', 'stopping',
  'flows', 'releasing')
read_rules()
return {
  '', clock, queue.now, queue.schema, redis.call('HLEN', WHO),
  redis.call('ZCOUNT', SEEN, queue.now - gone_ms, '+inf'),
  redis.call('HLEN', COUNTS), redis.call('HLEN', RUNS), redis.call('ZCARD', LEASES), redis.call('ZCARD', DUE),
  redis.call('HLEN', HELD), redis.call('HLEN', LIMITS), redis.call('ZCARD', PARKED), redis.call('ZCARD', SCOPES),
  redis.call('HLEN', STOPS), redis.call('HLEN', FLOWS), redis.call('LLEN', RELEASES), number_of(queue.queued),
  number_of(queue.scheduled), number_of(queue.failed), number_of(queue.deferred), number_of(queue.scopes),
  number_of(queue.stopping), number_of(queue.flows), number_of(queue.releasing), rules.limited, rules.named,
  redis.call('ZCOUNT', SCHEDULERS, queue.now - tick_ms, '+inf'), first_of(DUE), first_of(LEASES),
  number_of(queue.resumed), first_of(EXPIRY), first_of(FLOWS_DUE), redis.call('LINDEX', RELEASES, 0) or '',
  first_of(SCHEDULES_DUE),
}
