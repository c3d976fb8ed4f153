-- Tasks whose name may not start one now (paused, at its max_concurrency, out of tokens) must not stand before others
-- of their user. A claim that meets one sets it aside: into its user's lane of that name, out of what is ready. As soon
-- as the name has room, whichever worker calls next lets as many tasks back into their places as there is room, of one
-- user after the other. `counts` says how many a user has set aside (h).
local went_back, park_turns = 0, {}

-- Set a task aside, its name being barred by `bar`; a rate that opens calls somebody to look again.
local function park_task(user, name, level, seq, entry, bar)
  put_in_place(lane_key(user, level, name), seq, entry)
  add_count(user, level, -1)
  add_count(user, 'h', 1)
  if park_turns[name .. ' ' .. user] then
    return
  end
  park_turns[name .. ' ' .. user] = true
  if bar == 'r' then
    redis.call('ZADD', DUE, opening_of('|' .. name), '|' .. name)
  end
  local first = redis.call('ZRANGE', PARKED_BY .. name, 0, 0, 'WITHSCORES')
  redis.call('ZADD', PARKED_BY .. name, 'NX', first[2] or 0, user)
  redis.call('ZADD', PARKED, 'NX', queue.now, name)
end

-- Take up to `want` entries of one user and name; returns them and their levels.
local function take_parked(user, name, want)
  local entries = redis.call('LPOP', lane_key(user, 6, name), want) or {}
  local levels, lanes = {}, {}
  for i = 1, #entries do
    levels[i] = 6
  end
  for level = 1, 5 do
    lanes[level] = lane_key(user, level, name)
  end
  if #entries < want then
    take_by_rank(lanes, want - #entries, queue.aging, entries, levels)
  end
  return entries, levels
end

-- Let up to `want` tasks of one user and name back into their lanes; those that were deleted since are dropped. Returns
-- how many, and whether the user may have more.
local function unpark_user(user, name, want)
  local entries, levels = take_parked(user, name, want)
  local ids, seqs, back = {}, {}, 0
  for i = 1, #entries do
    seqs[i], ids[i] = string.match(entries[i], '^(%d+):%d+:(.*)')
  end
  local texts = #ids > 0 and redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)) or {}
  for i = #ids, 1, -1 do     -- the last one first: each belongs before those that are back
    if string.match(texts[i] or '', '^Q%d:(%d+):') == seqs[i] then
      put_in_place(lane_key(user, levels[i]), tonumber(seqs[i]), entries[i])
      make_ready(user, levels[i], 1)
      add_count(user, 'h', -1)
      add_stat('queued', -1)
      back, went_back = back + 1, went_back + 1
      queue.unfinished = queue.unfinished or barred[user]     -- then the next call serves it
    elseif texts[i] and not parse_record(texts[i]) then
      add_count(user, 'h', -1)
      add_stat('queued', -1)
      bury_unreadable(user, ids[i], texts[i])
    end
  end
  return back, #entries == want
end

-- Has this user a task of this name set aside that is to start before the one of this entry?
local function parked_before(user, name, level, since, seq)
  for other = 6, 1, -1 do
    local head = redis.call('LINDEX', lane_key(user, other, name), 0)
    if head then
      local head_seq, head_since = parse_entry(head)
      if level == 6 or other == 6 then
        return other == 6 and (level < 6 or head_seq < seq)
      end
      local lead = (since - level * queue.aging) - (head_since - other * queue.aging)
      if lead > 0 or (lead == 0 and head_seq < seq) then
        return true
      end
    end
  end
  return false
end

-- Nothing of this name is set aside any more. If it has no settings either, nobody need look for it.
local function forget_parked(name)
  redis.call('ZREM', PARKED, name)
  if redis.call('HEXISTS', LIMITS, '|' .. name) == 0 then
    rules.named = rules.named - 1
    save_rules()
  end
end

-- Let tasks of one name back for as many as may start; users that could not run them are passed over.
local function unpark_name(name, room)
  local key = PARKED_BY .. name
  local users = redis.call('ZRANGE', key, 0, 49)
  if #users == 0 then
    forget_parked(name)
    return
  end
  local bars, share = redis.call('HMGET', HELD, unpack(users)), math.ceil(room / #users)
  load_counts(users)
  for i, user in ipairs(users) do
    local back, more = 0, true
    if not bars[i] and room > 0 then
      back, more = unpark_user(user, name, math.min(room, share))
      room = room - back
    end
    if not more then
      redis.call('ZREM', key, user)
    elseif back > 0 or bars[i] then
      redis.call('ZINCRBY', key, 1, user)
    end
  end
end

-- Look at the names for which a slot or a rate may have opened now, and at a few others with tasks set aside, the one
-- that was looked at longest ago first. Returns whether any task went back.
local function unpark_tasks()
  went_back = 0
  if rules.named == 0 then
    return false
  end
  for i = 1, #opened_names do
    redis.call('ZADD', PARKED, 'XX', 0, opened_names[i])
  end
  local names, subjects = redis.call('ZRANGE', PARKED, 0, 7 + #opened_names), {}
  opened_names = {}
  for i = 1, #names do
    subjects[i] = '|' .. names[i]
    redis.call('ZADD', PARKED, 'XX', queue.now, names[i])
  end
  if #names == 0 then
    return false
  end
  load_limits(subjects)
  load_busy(subjects)
  for i = 1, #names do
    local room, bar = room_of(subjects[i], busy[subjects[i]])
    if room > 0 then
      unpark_name(names[i], math.min(room, 50))
    elseif bar == 'r' then
      redis.call('ZADD', DUE, opening_of(subjects[i]), subjects[i])
    end
  end
  return went_back > 0
end
