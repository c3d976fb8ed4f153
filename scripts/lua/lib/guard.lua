-- A script does not roll back: what it writes before it fails stays. So the keys that it is going to use are looked at
-- before its first write, and one of a wrong type refuses the call whole (I19).
-- NOTHING is empty, and so costs the intersection nothing.
local function guard_zsets(...)
  redis.call('ZINTERCARD', 1 + select('#', ...), NOTHING, ...)
end

local function guard_hashes(...)
  for _, key in ipairs({ ... }) do
    redis.call('HLEN', key)
  end
end

-- A user's own keys, but for those that bear a name or a number.
local function guard_user(user)
  guard_zsets(user_key(user, 'failed'))
  guard_hashes(user_key(user, 'tasks'), user_key(user, 'unique'), user_key(user, 'waits'), user_key(user, 'flows'))
  for level = 1, 6 do
    redis.call('LLEN', lane_key(user, level))
  end
end

-- What most scripts that move tasks write.
local function guard_queue(...)
  guard_zsets(RING, TAGS, LEASES, DUE, EXPIRY, BUCKETS, PARKED, FLOWS_DUE, SLEEP .. '*', ...)
  guard_hashes(COUNTS, BUSY, HELD, RUNS, SUSPECTS, WAITERS, WHO, NAMED, KEPT_BYTES, STOPS, PROGRESS, LIMITS, MEANS,
    FLOWS)
  redis.call('LLEN', RELEASES)
end
