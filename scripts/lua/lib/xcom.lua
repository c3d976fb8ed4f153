-- XCom: values that runs leave for others. Each is a key of its own, which Redis drops when its time is over. A user's
-- `xcom` says which there are, `<scope>:<key>`, so that they can be erased; it lives as long as the last of them.
local USER_SCOPE = '~'

-- With whom a task shares what it leaves: with its flow, whose mark is the nonce of all its tasks, else with its own
-- further attempts.
local function scope_of(id, nonce)
  return nonce ~= '' and nonce or '=' .. id
end

local function value_key(user, name)
  return XCOM .. user .. ':' .. name
end

local function forget_values(user, names)
  if #names == 0 then
    return
  end
  local keys = {}
  for i = 1, #names do
    keys[i] = value_key(user, names[i])
  end
  redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', user_key(user, 'xcom'), unpack(names))
end

-- Keep a value for `ttl` ms, and clear up to ten whose time is over.
local function keep_value(user, name, value, ttl)
  local index = user_key(user, 'xcom')
  guard_zsets(index)
  redis.call('STRLEN', value_key(user, name))
  forget_values(user, redis.call('ZRANGE', index, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, 10))
  redis.call('SET', value_key(user, name), value, 'PX', ttl)
  redis.call('ZADD', index, queue.now + ttl, name)
  redis.call('PEXPIRE', index, math.max(ttl, redis.call('PTTL', index)))
end

-- Remove up to `limit` of a user's values; returns how many are left.
local function erase_values(user, limit)
  forget_values(user, redis.call('ZRANGE', user_key(user, 'xcom'), 0, limit - 1))
  return redis.call('ZCARD', user_key(user, 'xcom'))
end
