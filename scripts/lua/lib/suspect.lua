-- A task that was lost once is a suspect: it may be what kills its workers. A worker holds one of them at a time, so
-- that a poison task cannot take others with it to their third loss (I11).
local barred = {}

-- May this worker be granted a suspect? If so, it holds it from now on.
local function take_suspect(worker, member)
  return redis.call('HSETNX', SUSPECTS, worker, member) == 1
end

local function drop_suspect(worker, member)
  if redis.call('HGET', SUSPECTS, worker) == member then
    redis.call('HDEL', SUSPECTS, worker)
  end
end

-- Put entries (from place `first` on) that were taken off a user's lanes back where they were, and serve this user no
-- more in this call.
local function bar_user(user, entries, texts, first)
  for i = #entries, first, -1 do
    local level = string.match(texts[i] or '', '^Q(%d):')
    if level then
      redis.call('LPUSH', lane_key(user, tonumber(level)), entries[i])
    end
  end
  barred[user] = true
  barred[#barred + 1] = user
end
