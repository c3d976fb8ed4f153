-- The index of fingerprints: a generated task id ends with 8 hexadecimal digits that stand for its user, so a task is
-- found by its id alone at the price of one field per user. The client computes the same digits.
local function fingerprint(user)
  return string.sub(redis.sha1hex(KEYS[1] .. user), 1, 8)
end

-- Two users may share a fingerprint (about one pair among 100,000 users); the field then names both, `|` between.
local function remember_users(users)
  if #users == 0 then
    return
  end
  local prints, fields, named = {}, {}, {}
  for i = 1, #users do
    prints[i] = fingerprint(users[i])
  end
  local known = redis.call('HMGET', WHO, unpack(prints))
  for i = 1, #users do
    local names = named[prints[i]] or known[i]
    if not has_name(names, '|', users[i]) then
      named[prints[i]] = with_name(names, '|', users[i])
      fields[#fields + 1] = prints[i]
      fields[#fields + 1] = named[prints[i]]
    end
  end
  if #fields > 0 then
    redis.call('HSET', WHO, unpack(fields))
  end
end

-- Drop a user that has no record left.
local function forget_user(user)
  if redis.call('EXISTS', user_key(user, 'tasks')) == 1 then
    return
  end
  drop_name(WHO, fingerprint(user), '|', user)
end
