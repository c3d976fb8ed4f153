-- Ended tasks keep their record for a while. Each minute has a list of what expires in it; whoever calls next clears
-- some of what is past. The record's own stamp decides: a task that was retried or pushed anew since is kept.

-- Note in which minute these members expire: a table minute -> list of members.
local function retain(members_by_minute)
  for minute, members in pairs(members_by_minute) do
    redis.call('RPUSH', ENDED_AT .. minute, unpack(members))
    redis.call('ZADD', ENDED, minute, minute)
  end
end

local function minute_of(expires)
  return string.format('%d', math.floor(expires / 60000) + 1)
end

-- Remove one record whose stamp is past, with its place among the dead letters.
local function expire_record(user, id, text)
  local record = parse_record(text)
  if not (record and is_ended(record) and tonumber(record.expires) <= queue.now) then
    return false
  end
  if record.state == 'X' then
    redis.call('LREM', user_key(user, 'failed'), 1, id)
    load_counts({ user })
    add_count(user, 'x', -1)
    add_stat('failed', -1)
  end
  return true
end

-- Clear up to `limit` of what is past.
local function sweep_ended(limit)
  local minutes = redis.call('ZRANGE', ENDED, '-inf', math.floor(queue.now / 60000), 'BYSCORE', 'LIMIT', 0, 1)
  if #minutes == 0 then
    return
  end
  local members = redis.call('LPOP', ENDED_AT .. minutes[1], limit) or {}
  if #members < limit then
    redis.call('ZREM', ENDED, minutes[1])
  end
  local ids_of = {}
  for i = 1, #members do
    local user, id = split_member(members[i])
    ids_of[user] = ids_of[user] or {}
    table.insert(ids_of[user], id)
  end
  for user, ids in pairs(ids_of) do
    local texts, gone = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), {}
    for i = 1, #ids do
      if expire_record(user, ids[i], texts[i]) then
        gone[#gone + 1] = ids[i]
      end
    end
    if #gone > 0 then
      redis.call('HDEL', user_key(user, 'tasks'), unpack(gone))
      forget_user(user)
    end
  end
end
