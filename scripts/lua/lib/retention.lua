-- Ended tasks keep their record for a while (I22). Each user has a list for each such while, with `<until ms>:<id>` in
-- order; `expiry` says when to look at its head, and whoever calls next does. The record's own stamp decides: what was
-- queued or pushed again since is passed over. `kept-bytes` counts what the records of a user come to, and of a user
-- with too many the oldest go first (lib/evict).
local PAGE_BYTES = 4194304     -- of records that are read at once; one record at least
local NEEDED_LOOK = 1000         -- ms after which a list is looked at again that has what others need
local ended_members, terms, bytes_of = {}, {}, {}

-- What is the same for all tasks that end in this call and are kept for so long (ms).
local function term_of(ttl)
  local term = terms[ttl]
  if not term then
    local expires = queue.now + ttl
    term = { ttl = string.format('%d', ttl), expires = expires, entries_of = {} }
    term.prefix = string.format('%d:', expires)
    term.instants = string.format('%d:%d', queue.now, expires)
    terms[ttl] = term
  end
  return term
end

local function kept_key(user, ttl)
  return user_key(user, 'kept:' .. ttl)
end

-- Keep an ended task of this label for `ttl` ms; its unique key is free. Returns the instants that its record has.
local function keep_task(user, id, member, label, ttl)
  local term = term_of(ttl)
  local entries, entry = term.entries_of[user], term.prefix .. id
  if entries then
    entries[#entries + 1] = entry
  else
    term.entries_of[user] = { entry }
  end
  ended_members[#ended_members + 1] = member
  free_key(user, label)
  return term.instants
end

-- Note that the kept records of a user take more (or, negative, fewer) bytes.
local function add_bytes(user, amount)
  bytes_of[user] = (bytes_of[user] or 0) + amount
end

-- Records that had ended are there no more, or stand for living tasks again.
local function unkeep(user, ids, bytes)
  local failed = redis.call('ZREM', user_key(user, 'failed'), unpack(ids))
  if failed > 0 then
    load_counts({ user })
    add_count(user, 'x', -failed)
    add_stat('failed', -failed)
  end
  add_bytes(user, -bytes)
end

-- Forget ended tasks of a user.
local function forget_ended(user, ids)
  local tasks, bytes = user_key(user, 'tasks'), 0
  for i = 1, #ids do
    bytes = bytes + redis.call('HSTRLEN', tasks, ids[i])
  end
  redis.call('HDEL', tasks, unpack(ids))
  unkeep(user, ids, bytes)
  for i = 1, queue.parents > 0 and #ids or 0 do
    note_gone(user, ids[i])
  end
  forget_user(user)
end

-- The ids and stamps of what is past among these entries of a list, as many as make a page of bytes.
local function past_of(user, entries)
  local tasks, bytes, ids, stamps = user_key(user, 'tasks'), 0, {}, {}
  for i = 1, #entries do
    local expires, id = string.match(entries[i], '^(%d+):(.*)')
    expires, id = expires or '0', id or ''
    bytes = bytes + redis.call('HSTRLEN', tasks, id)
    if tonumber(expires) > queue.now or (i > 1 and bytes > PAGE_BYTES) then
      break
    end
    ids[i], stamps[i] = id, expires
  end
  return ids, stamps
end

-- Clear what is past at the head of one list; returns how many entries that were.
local function sweep_list(user, ttl, limit)
  local key, gone, needed = kept_key(user, ttl), {}, {}
  local ids, stamps = past_of(user, redis.pcall('LRANGE', key, 0, limit - 1))
  local texts = #ids > 0 and redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)) or {}
  for i = 1, #ids do
    local record = parse_record(texts[i])
    if record and record.expires == stamps[i] and is_ended(record) then
      if (queue.flows > 0 and needs_results(user, record.nonce)) or
        (queue.holding > 0 and redis.pcall('HEXISTS', user_key(user, 'waits'), ids[i]) == 1) then
        needed[#needed + 1] = stamps[i] .. ':' .. ids[i]
      else
        gone[#gone + 1] = ids[i]
      end
    end
  end
  redis.pcall('LTRIM', key, #ids, -1)
  if #needed > 0 then
    redis.pcall('RPUSH', key, unpack(needed))
  end
  if #gone > 0 then
    forget_ended(user, gone)
  end
  local head = redis.pcall('LINDEX', key, 0)
  if type(head) == 'string' then
    local look = tonumber(string.match(head, '^%d+')) or queue.now
    look = #needed > 0 and math.max(look, queue.now + NEEDED_LOOK) or look
    redis.call('ZADD', EXPIRY, look, user .. '|' .. ttl)
  else
    redis.call('ZREM', EXPIRY, user .. '|' .. ttl)
    redis.pcall('SREM', user_key(user, 'terms'), ttl)
  end
  return #ids
end

-- Clear up to `limit` of what is past, of one user after the other.
local function sweep_ended(limit)
  for _, member in ipairs(redis.call('ZRANGE', EXPIRY, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, limit)) do
    local user, ttl = split_member(member)
    if not tonumber(ttl) then
      redis.call('ZREM', EXPIRY, member)     -- somebody else has written it
    else
      limit = limit - 1 - sweep_list(user, ttl, limit)
    end
    if limit <= 0 then
      queue.unfinished = true
      break
    end
  end
end

-- What ended tasks take, per user: written once per script, and bounded.
local function save_bytes(most)
  local users, sums, over = {}, {}, {}
  for user in pairs(bytes_of) do
    users[#users + 1] = user
  end
  if #users == 0 then
    return over
  end
  local known = redis.call('HMGET', KEPT_BYTES, unpack(users))
  for i, user in ipairs(users) do
    sums[user] = (tonumber(known[i]) or 0) + bytes_of[user]
    if most and sums[user] > most then
      over[#over + 1] = user
    end
  end
  write_hash(KEPT_BYTES, sums, function(user) return sums[user] > 0 and string.format('%d', sums[user]) end)
  bytes_of = {}
  return over
end

-- Write what is kept from now on. Returns the users that keep more than `most` bytes, if that is given.
local function save_kept(most)
  for _, term in pairs(terms) do
    local looks = {}
    for user, entries in pairs(term.entries_of) do
      local length = redis.pcall('RPUSH', kept_key(user, term.ttl), unpack(entries))     -- a damaged list stops nobody
      if length == #entries then     -- else somebody looks at its head already
        redis.pcall('SADD', user_key(user, 'terms'), term.ttl)
        looks[#looks + 1] = term.expires
        looks[#looks + 1] = user .. '|' .. term.ttl
      end
    end
    if #looks > 0 then
      redis.call('ZADD', EXPIRY, 'NX', unpack(looks))
    end
    term.entries_of = {}
  end
  return save_bytes(most)
end
