-- A task that was lost once is a suspect: it may be what kills its workers. A worker holds one of them at a time, so
-- that a poison task cannot take others with it to their third loss (I11).
local barred, stuck = {}, {}

-- May this worker be granted a suspect? If so, it holds it from now on.
local function take_suspect(worker, member)
  return redis.call('HSETNX', SUSPECTS, worker, member) == 1
end

local function drop_suspect(worker, member)
  if redis.call('HGET', SUSPECTS, worker) == member then
    redis.call('HDEL', SUSPECTS, worker)
  end
end

-- Put entries (entry, level, ...) that were taken off a user's lanes back before those behind them.
local function put_back(user, entries)
  for i = #entries - 1, 1, -2 do
    redis.call('LPUSH', lane_key(user, entries[i + 1]), entries[i])
  end
end

-- Serve a user no more in this call.
local function bar_user(user)
  if not barred[user] then
    barred[user] = true
    barred[#barred + 1] = user
  end
end

-- Put suspects (entry, level, ...) that had to be passed over back into their places. If what else their user had ready
-- has been taken, it is served no more in this call.
local function pass_over(user, suspects, exhausted)
  for i = 1, #suspects, 2 do
    put_in_place(lane_key(user, suspects[i + 1]), parse_entry(suspects[i]), suspects[i])
  end
  if #suspects > 0 and exhausted then
    stuck[#stuck + 1] = user
    bar_user(user)
  end
end
