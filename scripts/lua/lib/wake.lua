-- Sleepers and waiters. Whoever waits blocks on a list of its own; a hint there says only "look again" and carries
-- nothing, because a blocking pop whose client dies takes what it popped with it.
local WAKE_TTL = 10000     -- ms: an unread hint does not outlive its sleeper for long
local ASLEEP_MAX = 5000    -- ms: a worker blocks for 2 s at most; one listed for longer is dead

local function wake(name)
  local key = WAKE .. name
  redis.pcall('LPUSH', key, '1')     -- a hint may be lost; what the script has written before may not be in doubt
  redis.call('PEXPIRE', key, WAKE_TTL)
end

-- The lists under which a worker sleeps: one that serves everybody, by either list, needs no other.
local function sleeping_scopes(assigned, steal)
  if assigned == '*' or steal == '*' then
    return { '*' }
  elseif assigned == '' or steal == '' then
    return { assigned .. steal }
  end
  return { assigned, steal }
end

-- A worker that was granted less than it wanted is listed as asleep in the very script that found no more, so that no
-- push is missed. Returns for how long it may block: until a scheduled task is due or a lease lapses, `block_ms` at
-- most; not at all where the search was cut short. `reaping_from` is the instant from which leases are reaped.
local function fall_asleep(worker, assigned, steal, block_ms, reaping_from)
  for _, scope in ipairs(sleeping_scopes(assigned, steal)) do
    redis.call('ZADD', SLEEP .. scope, queue.now, worker)
  end
  for key, earliest in pairs({ [DUE] = 0, [LEASES] = reaping_from }) do
    local next_one = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if next_one[2] then
      block_ms = math.min(block_ms, math.max(1, math.max(tonumber(next_one[2]), earliest) - queue.now))
    end
  end
  return queue.unfinished and 1 or block_ms
end

-- A worker that has all it wants is awake, else a hint meant for a hungry one could go to it.
local function rise(worker, assigned, steal)
  for _, scope in ipairs(sleeping_scopes(assigned, steal)) do
    redis.call('ZREM', SLEEP .. scope, worker)
  end
end

-- Wake up to `limit` of the newest sleepers that serve a list; return how many.
local function wake_scope(scope, limit)
  local sleepers = redis.pcall('ZRANGE', SLEEP .. scope, 0, limit - 1, 'REV', 'WITHSCORES')     -- as in `wake`
  local woken = {}
  for i = 1, #sleepers, 2 do
    if tonumber(sleepers[i + 1]) + ASLEEP_MAX < queue.now then
      redis.call('ZREMRANGEBYSCORE', SLEEP .. scope, '-inf', sleepers[i + 1])
      break
    end
    wake(sleepers[i])
    woken[#woken + 1] = sleepers[i]
  end
  if #woken > 0 then
    redis.call('ZREM', SLEEP .. scope, unpack(woken))
  end
  return #woken
end

-- Wake workers for tasks that became ready: up to `limit` of those that may serve these users. A worker that finds
-- more than it can take wakes the next one, so a small limit is enough however many tasks there are.
local function wake_servers(users, limit)
  if #users == 0 then
    return
  end
  limit = limit - wake_scope('*', limit)
  if queue.scopes == 0 or limit <= 0 then
    return
  end
  local named, seen = redis.pcall('HMGET', NAMED, unpack(users)), {}
  for i = 1, #users do
    for digest in string.gmatch(named[i] or '', '[^,]+') do
      if limit > 0 and not seen[digest] then
        seen[digest] = true
        limit = limit - wake_scope(digest, limit)
      end
    end
  end
end

-- Tell those who wait for the result of any of these tasks (members) that it has ended.
local function wake_waiters(members)
  if #members == 0 or redis.call('EXISTS', WAITERS) == 0 then
    return
  end
  local names = redis.call('HMGET', WAITERS, unpack(members))
  for i = 1, #members do
    if names[i] then
      for name in string.gmatch(names[i], '[^,]+') do
        wake(name)
      end
      redis.call('HDEL', WAITERS, members[i])
    end
  end
end

-- Somebody has to go on with what this call has left.
local function wake_for_rest(user)
  if queue.releasing > 0 then
    wake_servers({ user }, 1)
  end
end
