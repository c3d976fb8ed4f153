-- Scheduled tasks wait in one queue-wide timetable. Workers sleep until its first entry is due, so one that is due
-- before they would look wakes one of them. A rate that opens stands there too: `user|`, `|name` or `||` (lib/limits);
-- and `user|id|`, a task that is canceled then if it has not started.
local NEAR = 2000     -- ms: the longest that a worker sleeps
local near = {}

local function note_due(user, member, at)
  redis.call('ZADD', DUE, at, member)
  if at < queue.now + NEAR and #near == 0 then
    near[1] = user
  end
end

local function schedule(user, member, at)
  note_due(user, member, at)
  add_count(user, 's', 1)
  add_stat('scheduled', 1)
end

-- A worker that has all it wants no longer waits for what is due next: another one does, if there is little time left.
local function watch_due()
  local first = redis.call('ZRANGE', DUE, 0, 0, 'WITHSCORES')
  if first[2] and tonumber(first[2]) < queue.now + NEAR then
    wake_servers({ (split_member(first[1])) }, 1)
  end
end

local function promote_tasks(user, ids)
  local texts, fields, lanes = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), {}, {}
  for i = 1, #ids do
    local record = parse_record(texts[i])
    if not record then     -- somebody else has written here
      add_count(user, 's', -math.min(1, counts[user].s or 0))
      add_stat('scheduled', -math.min(1, queue.scheduled))
      bury_unreadable(user, ids[i], texts[i])
    elseif record.state == 'W' then
      record.state, record.seq = 'Q', line_up(ids[i], record.level, lanes)
      fields[#fields + 1] = ids[i]
      fields[#fields + 1] = format_record(record)
      add_count(user, 's', -1)
      add_stat('scheduled', -1)
    end
  end
  if #fields > 0 then
    redis.call('HSET', user_key(user, 'tasks'), unpack(fields))
  end
  extend_lanes(user, lanes)
end

-- Those whose time has come take their place at the end of their level (a retry joins its level anew), or are canceled
-- where it was the last at which to start; users whose rate has opened are free.
local function promote_due(limit)
  local members = redis.call('ZRANGE', DUE, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, limit)
  if #members == 0 then
    return
  end
  local ids_of, users, opened, late_of = {}, {}, {}, {}
  for i = 1, #members do
    local user, id = split_member(members[i])
    if user ~= '' and id == '' then
      opened[#opened + 1] = user
    elseif string.sub(id, -1) == '|' then
      late_of[user] = late_of[user] or {}
      table.insert(late_of[user], string.sub(id, 1, -2))
    elseif user ~= '' then
      if not ids_of[user] then
        users[#users + 1], ids_of[user] = user, {}
      end
      table.insert(ids_of[user], id)
    elseif members[i] ~= WHOLE then
      open_name(id)
    end
  end
  for user, ids in pairs(late_of) do
    expire_tasks(user, ids)
  end
  load_counts(users)
  for _, user in ipairs(users) do
    promote_tasks(user, ids_of[user])
  end
  redis.call('ZREM', DUE, unpack(members))
  free_users(opened, 'r')
end
