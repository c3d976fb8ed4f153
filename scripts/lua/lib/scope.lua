-- The end of a list that no worker serves: its users forget it, a bounded number at a time, then it is gone. From the
-- first step on its last refresh stands at 0: it counts as missing, and whoever still serves it registers it anew.
local function shrink_scope(digest, limit)
  redis.call('ZADD', SCOPES, 0, digest)
  local users = redis.call('SPOP', SCOPE_USERS .. digest, limit)
  for _, user in ipairs(users) do
    local others = {}
    for other in string.gmatch(redis.call('HGET', NAMED, user) or '', '[^,]+') do
      if other ~= digest then
        others[#others + 1] = other
      end
    end
    if #others > 0 then
      redis.call('HSET', NAMED, user, table.concat(others, ','))
    else
      redis.call('HDEL', NAMED, user)
    end
  end
  if #users < limit then
    redis.call('DEL', SCOPE .. digest, SLEEP .. digest)
    redis.call('ZREM', SCOPES, digest)
    set_stat('scopes', redis.call('ZCARD', SCOPES))
  end
end
