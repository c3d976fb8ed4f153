-- The end of a list that no worker serves: its users forget it, a bounded number at a time, then it is gone. From the
-- first step on its last refresh stands at 0: it counts as missing, and whoever still serves it registers it anew.
local function shrink_scope(digest, limit)
  redis.call('ZADD', SCOPES, 0, digest)
  local users = redis.pcall('SPOP', SCOPE_USERS .. digest, limit)     -- a damaged list goes as a whole
  for _, user in ipairs(users) do
    drop_name(NAMED, user, ',', digest)
  end
  if #users < limit then
    redis.call('DEL', SCOPE .. digest, SLEEP .. digest)
    redis.call('ZREM', SCOPES, digest)
    set_stat('scopes', redis.call('ZCARD', SCOPES))
  end
end
