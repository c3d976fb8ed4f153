-- Entries of tasks that were deleted deep in a lane. `counts` says how many a user has (g), so that a lane without any
-- costs nothing here.
local GHOST_PAGE = 500

-- Look at the head of a lane and drop the ghosts there; return how many tasks stand at its head now, at most `want`.
local function clean_lane(user, level, want)
  local lane, found = lane_key(user, level), 0
  for _ = 1, 4 do
    local entries, ids, seqs = redis.call('LRANGE', lane, 0, want + GHOST_PAGE - 1), {}, {}
    if #entries == 0 then
      break
    end
    for i = 1, #entries do
      seqs[i], ids[i] = string.match(entries[i], '^(%d+):%d+:(.*)')
    end
    local texts, kept = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), {}
    for i = #entries, 1, -1 do
      if string.match(texts[i] or '', '^Q%d:(%d+):') == seqs[i] then
        kept[#kept + 1] = entries[i]
      end
    end
    found = math.min(want, #kept)
    if #kept == #entries then
      break
    end
    redis.call('LPOP', lane, #entries)
    if #kept > 0 then
      redis.call('LPUSH', lane, unpack(kept))
    end
    add_count(user, 'g', #kept - #entries)
    if found == want then
      break
    end
  end
  return found
end

-- Drop the ghosts before the first `want` tasks of each of a user's lanes, a bounded number. Returns how many tasks can
-- be taken now: fewer than there are where ghosts are left before others, and then the next call goes on with them.
local function clean_lanes(user, want)
  local count = counts[user]
  local critical = math.min(want, count[6] or 0)
  for level = 6, 1, -1 do
    local ready = math.min(want, count[level] or 0)
    local found = ready > 0 and clean_lane(user, level, ready) or 0
    if found < ready then
      queue.unfinished = true
      return level == 6 and found or critical
    end
  end
  return want
end

-- A user that has nothing ready has only ghosts in its lanes.
local function drop_ghosts(user)
  for level = 1, 6 do
    redis.call('UNLINK', lane_key(user, level))
  end
  add_count(user, 'g', -counts[user].g)
end
