-- The queue's own numbers, read once and written once per script.
--   everyone  virtual time of the workers that serve everybody, while there are lists besides (lib/ring)
--   now       the greatest instant any script has seen, ms      clock   virtual time of the ring
--   seq       last sequence number given to a task               token   last lease token given
--   resumed   when Redis last came back from standing still, ms
--   scopes    how many user lists are registered
--   *_total and queued, scheduled, deferred, failed: totals
--   flows     how many graphs are kept          parents  how many tasks others wait for
--   holding   how many tasks wait for others that they have added (lib/link)
--   releasing how many have ended and have children that are to be told yet (lib/release)
--   rules     `<cost> <subjects with limits> <of these, names>`  aging     ms of waiting that a level is worth
local queue = { now = 0, clock = 0, everyone = 0, seq = 0, scopes = 0, rules = 0, queued = 0, scheduled = 0,
  deferred = 0, failed = 0, flows = 0, parents = 0, holding = 0, releasing = 0 }
local changed = {}

-- Workers that hold tasks beat every second; idle ones look for work every 2 s and beat every 10 s. If they did until
-- lately, and then no script ran for 3 s or 10 s, Redis itself stood still: the leases that lapsed meanwhile could not
-- be renewed, and whoever reaps waits for one renewal (I10). 3 s of silence among idle workers are none: they would put
-- off reaping again and again.
local function note_silence(last, now)
  if now - last > 3000 and redis.call('ZCOUNT', AT_WORK, last - 3000, '+inf') > 0
    or now - last > 10000 and redis.call('ZCOUNT', SEEN, last - 15000, '+inf') > 0 then
    queue.resumed = now
    changed.resumed = true
  end
end

-- Read `names` (beside now and clock) and settle what time it is: `at` in ms, or '' for Redis's own clock. Time never
-- goes backwards, so a stepped clock can neither start a task early nor reap a live lease (I10, I16).
local function open_queue(at, ...)
  local names = { 'now', 'clock', 'everyone', ... }
  local values = redis.call('HMGET', STATS, unpack(names))
  for i = 1, #names do
    queue[names[i]] = tonumber(values[i]) or values[i] or 0
  end
  local now = tonumber(at)
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  if now > queue.now then
    note_silence(queue.now, now)
    queue.now = now
    changed.now = true
  end
  return queue.now
end

local function set_stat(name, value)
  queue[name] = value
  changed[name] = true
end

local function add_stat(name, amount)
  if amount ~= 0 then
    set_stat(name, queue[name] + amount)
  end
end

local function save_queue()
  local fields = {}
  for name in pairs(changed) do
    fields[#fields + 1] = name
    fields[#fields + 1] = queue[name]
  end
  if #fields > 0 then
    redis.call('HSET', STATS, unpack(fields))
  end
end
