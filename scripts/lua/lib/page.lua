-- Reading hashes and sorted sets page by page.
local PAGE_BYTES = 262144     -- of values read in one call, about

-- How many values of a hash are looked at in one call: fewer where some are large.
local function bounded(key, want)
  local largest = 1
  for _, field in ipairs(redis.call('HRANDFIELD', key, 8)) do
    largest = math.max(largest, redis.call('HSTRLEN', key, field))
  end
  return math.ceil(math.min(want, PAGE_BYTES / largest))
end

-- Read about so many entries from a cursor on: returns the next one, and field, value (or member, score), ...
local function read_page(key, cursor, want)
  if redis.call('TYPE', key).ok == 'zset' then
    return unpack(redis.call('ZSCAN', key, cursor, 'COUNT', want))
  end
  return unpack(redis.call('HSCAN', key, cursor, 'COUNT', bounded(key, want)))
end
