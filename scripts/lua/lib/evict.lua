-- Forgetting ended tasks before their time, because their user keeps too many bytes.

-- The oldest among those that are kept for so long: its id, and when it ended (ms); nil where there is none. Entries of
-- tasks that were queued or pushed again since are dropped on the way, a bounded number.
local function oldest_kept(user, ttl)
  local key = kept_key(user, ttl)
  for _ = 1, 10 do
    local entry = redis.call('LINDEX', key, 0)
    if not entry then
      return nil
    end
    local expires, id = string.match(entry, '^(%d+):(.*)')
    local record = id and parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
    if record and record.expires == expires and is_ended(record) then
      return id, tonumber(record.ended)
    end
    redis.call('LPOP', key)
  end
end

-- Forget up to `limit` ended tasks of a user, the oldest first, until it keeps no more than `most` bytes.
local function evict_user(user, ttl, most, limit)
  save_bytes()     -- what went in this call counts
  local bytes = tonumber(redis.call('HGET', KEPT_BYTES, user)) or 0
  for _ = 1, limit do
    local id, ended = oldest_kept(user, ttl)
    local failed = redis.call('ZRANGE', user_key(user, 'failed'), 0, 0, 'WITHSCORES')
    if failed[1] and (not id or tonumber(failed[2]) < ended) then
      id, ended = failed[1], tonumber(failed[2])
    end
    if not id or bytes <= most or ended == queue.now then     -- what ended just now is there to be read
      break
    end
    bytes = bytes - redis.call('HSTRLEN', user_key(user, 'tasks'), id)
    forget_ended(user, { id })
  end
end

-- Of these users, which keep more than `most` bytes, forget the oldest of what is kept as long as what ended just now,
-- or of their failures.
local function evict_kept(users, most, limit)
  for _, user in ipairs(users) do
    for _, term in pairs(terms) do
      evict_user(user, term.ttl, most, limit)
    end
  end
  save_bytes()
end
