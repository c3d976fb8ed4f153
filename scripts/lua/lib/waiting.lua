-- Taking a task out of where it waits: its lane (or the one where it is set aside), the timetable, or behind parents,
-- whose edges to it count for nothing then.
local function withdraw_task(user, id, record)
  local label, member = string.match(record.body, '^[^|]*'), user .. '|' .. id
  local subject = subject_of(label)
  load_counts({ user, subject })
  if record.state == 'W' then
    add_count(user, 's', -1)
    add_stat('scheduled', -1)
  elseif record.state == 'D' then
    add_count(user, 'd', -1)
    add_stat('deferred', -1)
    redis.pcall('HDEL', user_key(user, 'waits'), id)     -- a damaged key stops nobody
    note_flow(user, record.nonce, 'D', -1)
    record.ended = ''
  else
    if not drop_entry(user, record.level, record.seq) and counts[user].h then
      drop_entry(user, record.level, record.seq, string.sub(subject, 2))
      add_count(user, 'h', -1)
    else
      add_count(user, record.level, -1)
    end
    add_stat('queued', -1)
    if counts[user].ready == 0 then
      local tag = redis.call('ZSCORE', RING, user)
      if tag then     -- else its tag stands among the debts already
        load_busy({ user })
        leave_ring({ user }, { [user] = tonumber(tag) })
      end
      redis.call('HDEL', HELD, user)
      if counts[user].g then
        drop_ghosts(user)
      end
    end
  end
  add_count(subject, 3, -1)
  redis.call('ZREM', DUE, member, member .. '|')
end

-- End a waiting task as canceled.
local function cancel_waiting(user, id, record, reason, ttl)
  withdraw_task(user, id, record)
  cancel_task(user, id, record, reason, ttl)
  local text = format_record(record)
  add_bytes(user, #text)
  redis.call('HSET', user_key(user, 'tasks'), id, text)
end

-- Cancel those of a user's tasks that have not started though the instant has come until which they had to.
local function expire_tasks(user, ids)
  local members = {}
  for i = 1, #ids do
    members[i] = user .. '|' .. ids[i]
  end
  local texts = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids))
  local runs = redis.call('HMGET', RUNS, unpack(members))
  for i = 1, #ids do
    local record = parse_record(texts[i])
    local waits = record and not runs[i] and not is_ended(record)
    if waits and (tonumber(record.expires) or math.huge) <= queue.now then
      cancel_waiting(user, ids[i], record, 'expired', CANCELED_TTL)
    end
  end
end
