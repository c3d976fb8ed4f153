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

-- Put the entries of suspects that had to be passed over (entry, level, ...) back before those behind them, and serve
-- this user no more in this call: what else it had ready has been taken.
local function pass_over(user, suspects)
  for i = #suspects - 1, 1, -2 do
    redis.call('LPUSH', lane_key(user, suspects[i + 1]), suspects[i])
  end
  barred[user] = true
  barred[#barred + 1] = user
end
