-- Users that have ready tasks and may not start one are held outside the ring, where they cost nothing: what frees them
-- puts them back, and no claim looks for them. `counts` users with ready tasks = `ring` + `held`, disjoint.

-- Let users out of the ring, each for its bar (limits.lua): c until a run of theirs ends, r until the instant at which
-- their bucket has a token, all until their settings change.
local function hold_users(users, tag_of, bar_of)
  if #users == 0 then
    return
  end
  leave_ring(users, tag_of)
  local bars, openings = {}, {}
  for i = 1, #users do
    local user = users[i]
    bars[2 * i - 1], bars[2 * i] = user, bar_of[user]
    if bar_of[user] == 'r' then
      openings[#openings + 1] = opening_of(user)
      openings[#openings + 1] = user .. '|'
    end
  end
  redis.call('HSET', HELD, unpack(bars))
  if #openings > 0 then
    redis.call('ZADD', DUE, unpack(openings))
  end
end

local opened_names = {}      -- names that may start a task again (lib/park)
local function open_name(name)
  if rules.named > 0 and not opened_names[name] then
    opened_names[name] = true
    opened_names[#opened_names + 1] = name
  end
end

-- Free those of these users that are held (for this bar, if one is given): they join the ring again, where the next
-- claim looks at their caps anew.
local function free_users(users, bar)
  if rules.limited == 0 or #users == 0 then
    return
  end
  local bars, freed = redis.call('HMGET', HELD, unpack(users)), {}
  for i = 1, #users do
    if bars[i] and (not bar or bars[i] == bar) then
      freed[#freed + 1] = users[i]
    end
  end
  if #freed == 0 then
    return
  end
  redis.call('HDEL', HELD, unpack(freed))
  load_counts(freed)
  for i = 1, #freed do
    joining[#joining + 1] = freed[i]
    readied[#readied + 1] = freed[i]
  end
end
