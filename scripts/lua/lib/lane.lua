-- A user's ready tasks, one list per level: `critical` for 6, `normal:<level>` for 1-5. An entry is `seq:since:id`,
-- since being when the task became ready (ms): what ageing counts from. Entries stand in order of seq (I12).
-- An entry whose seq is not its record's is a ghost: its task was deleted.
local LANES = { 'normal:1', 'normal:2', 'normal:3', 'normal:4', 'normal:5', 'critical' }
-- The lane of a level; with a name, the one beside it for tasks of that name that are set aside (lib/park).
local function lane_key(user, level, name)
  return user_key(user, name and LANES[level] .. ':' .. name or LANES[level])
end

local function lane_entry(seq, since, id)
  return string.format('%d:%d:%s', seq, since, id)
end

local function parse_entry(entry)
  local seq, since = string.match(entry, '^(%d+):(%d+):')
  return tonumber(seq) or 0, tonumber(since) or 0     -- what is no entry sorts first, and is dropped when it is met
end

-- Note in `lanes` that a task takes the last place of its level; returns that place.
local function line_up(id, level, lanes)
  set_stat('seq', queue.seq + 1)
  local seq = string.format('%d', queue.seq)
  lanes[level] = lanes[level] or {}
  table.insert(lanes[level], seq .. ':' .. string.format('%d', queue.now) .. ':' .. id)
  return seq
end

-- Write what was noted.
local function extend_lanes(user, lanes)
  for level, entries in pairs(lanes) do
    level = tonumber(level)
    redis.call('RPUSH', lane_key(user, level), unpack(entries))
    make_ready(user, level, #entries)
  end
end

-- Where in a lane the first entry with at least this seq stands (0-based; its length if there is none), and that
-- entry: a binary search, at most 20 reads in a lane of a million.
local function find_place(lane, seq)
  local head = redis.call('LINDEX', lane, 0)
  if head and parse_entry(head) == seq then
    return 0, head
  end
  local low, high, found = 0, redis.call('LLEN', lane), nil
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('LINDEX', lane, middle)
    if parse_entry(entry) < seq then
      low = middle + 1
    else
      high, found = middle, entry
    end
  end
  return low, found
end

-- Put an entry into its own place in a lane, which most often is one of its ends.
local function put_in_place(lane, seq, entry)
  local tail = redis.call('LINDEX', lane, -1)
  if not tail or parse_entry(tail) < seq then
    redis.call('RPUSH', lane, entry)
  elseif parse_entry(redis.call('LINDEX', lane, 0)) > seq then
    redis.call('LPUSH', lane, entry)
  else
    local _, follower = find_place(lane, seq)
    redis.call('LINSERT', lane, 'BEFORE', follower, entry)
  end
end

-- Put a task that a dead or stopping worker held back into its own place.
local function give_back(user, level, seq, since, id)
  put_in_place(lane_key(user, level), seq, lane_entry(seq, since, id))
end

-- Drop a task's entry from its lane, where it stands within 1,000 of the head (0.05 ms at most); one that stands deeper
-- stays behind as a ghost (lib/ghosts). Returns false where the lane has no such entry.
local function drop_entry(user, level, seq, name)
  local lane = lane_key(user, level, name)
  local place, entry = find_place(lane, seq)
  if not entry or parse_entry(entry) ~= seq then
    return false
  end
  if place < 1000 then
    redis.call('LREM', lane, 1, entry)
  elseif not name then
    add_count(user, 'g', 1)
  end
  return true
end

-- Count a user's ready tasks anew by its lanes, where they did not hold what was counted: somebody else has written
-- into this queue, and a user that is thought to have tasks it has not would be asked for them for ever.
local function recount(user)
  queue.unfinished = true     -- then the next call serves others in its stead
  for level = 1, 6 do
    local length = redis.call('LLEN', lane_key(user, level))
    add_stat('queued', length - (counts[user][level] or 0))
    add_count(user, level, length - (counts[user][level] or 0))
  end
end

-- Of these lanes (level -> key), levels 1-5, take the first `want` entries in order of rank: each level is worth
-- `aging` ms of waiting, so nothing starves; equal rank goes by seq. Appends to `taken`, and their levels to `levels`.
local function take_by_rank(lanes, want, aging, taken, levels)
  local entries, used, heads = {}, {}, {}
  local function read_head(level)
    local entry = entries[level][used[level] + 1]
    local seq, since = nil, nil
    if entry then
      seq, since = parse_entry(entry)
    end
    heads[level] = entry and { level = level, seq = seq, rank = since - level * aging, entry = entry }
  end
  for level, lane in pairs(lanes) do
    entries[level], used[level] = redis.call('LRANGE', lane, 0, want - 1), 0
    read_head(level)
  end
  for _ = 1, want do
    local best
    for _, head in pairs(heads) do
      if head and (not best or head.rank < best.rank or (head.rank == best.rank and head.seq < best.seq)) then
        best = head
      end
    end
    if not best then
      break
    end
    taken[#taken + 1] = best.entry
    levels[#levels + 1] = best.level
    used[best.level] = used[best.level] + 1
    read_head(best.level)
  end
  for level, lane in pairs(lanes) do
    if used[level] > 0 then
      redis.call('LPOP', lane, used[level])
    end
  end
end

-- The same for one entry, as most users are asked for among many: only heads are compared.
local function take_first_by_rank(lanes, aging)
  local first, first_rank, first_seq
  for level, lane in pairs(lanes) do
    local entry = redis.call('LINDEX', lane, 0)
    if entry then
      local seq, since = parse_entry(entry)
      local rank = since - level * aging
      if not first or rank < first_rank or (rank == first_rank and seq < first_seq) then
        first, first_rank, first_seq = lane, rank, seq
      end
    end
  end
  return first and redis.call('LPOP', first)
end

-- Take up to `want` entries off a user's lanes in the order in which they are to run: CRITICAL, then 1-5 by rank.
local function take_entries(user, want, aging)
  local count, taken, levels = counts[user], {}, {}
  if count[3] == count.ready then
    return redis.call('LPOP', lane_key(user, 3), want) or taken
  end
  if (count[6] or 0) > 0 then
    taken = redis.call('LPOP', lane_key(user, 6), math.min(want, count[6])) or {}
  end
  for level = 5, 1, -1 do
    if (count[level] or 0) > 0 then
      levels[#levels + 1] = level
    end
  end
  local left = want - #taken
  if left > 0 and #levels > 1 then
    local lanes = {}
    for _, level in ipairs(levels) do
      lanes[level] = lane_key(user, level)
    end
    if left == 1 then
      taken[#taken + 1] = take_first_by_rank(lanes, aging) or nil
    else
      take_by_rank(lanes, left, aging, taken, {})
    end
  elseif left > 0 and #levels == 1 then
    local popped = redis.call('LPOP', lane_key(user, levels[1]), left) or {}
    for i = 1, #popped do
      taken[#taken + 1] = popped[i]
    end
  end
  return taken
end
