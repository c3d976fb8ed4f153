-- Redis keeps a hash of up to 512 fields, or a sorted set of up to 128 members, as a list that it reads through from
-- its start for each name, unless one of the names is long. Among 400 users that was a quarter of the time of push,
-- claim and finish. So whoever is going to ask for many names makes a table of it, which it stays while it exists.
local LONG = string.rep('-', 65)
local MANY = 16

local function widen(touched, hashes, zsets)
  if touched < MANY then
    return
  end
  for _, key in ipairs(hashes) do
    if redis.call('OBJECT', 'ENCODING', key) == 'listpack' and redis.call('HLEN', key) > MANY then
      redis.call('HSET', key, LONG, '')
      redis.call('HDEL', key, LONG)
    end
  end
  for _, key in ipairs(zsets) do
    if redis.call('OBJECT', 'ENCODING', key) == 'listpack' and redis.call('ZCARD', key) > MANY then
      redis.call('ZADD', key, 0, LONG)
      redis.call('ZREM', key, LONG)
    end
  end
end
