-- What waits, per user: read in one HMGET, changed in memory, written in one HSET and one HDEL per script.
-- A field is `12` when all that waits is 12 ready NORMAL tasks, else `3:12,5:1,s:4,x:2` with only what is not zero:
-- ready tasks of level 1-6, h set aside (lib/park), s scheduled, d deferred, x failed, g ghosts in the lanes
-- (lib/lane), p tasks that others wait for (lib/link). A user with nothing has no field. Of each name, `|name` counts
-- what waits in any way. `busy` is kept beside it, of both.
local KINDS = { 1, 2, 3, 4, 5, 6, 'h', 's', 'x', 'g', 'd', 'p' }
local counts, busy, known_busy = {}, {}, {}
local touched, touched_busy = {}, {}

local function parse_counts(text)
  if not text then
    return { ready = 0, new = true }
  end
  local plain = tonumber(text)
  if plain then
    return { ready = plain, [3] = plain }
  end
  local count = { ready = 0 }
  for kind, amount in string.gmatch(text, '(%w):(%d+)') do
    local level = tonumber(kind)
    amount = tonumber(amount)
    count[level or kind] = amount
    if level then
      count.ready = count.ready + amount
    end
  end
  return count
end

local function format_counts(count)
  if count.ready == count[3] and not (count.s or count.x or count.g or count.h or count.d or count.p) then
    return count.ready > 0 and count.ready
  end
  local parts = {}
  for i = 1, #KINDS do
    local amount = count[KINDS[i]] or 0
    if amount > 0 then
      parts[#parts + 1] = KINDS[i] .. ':' .. string.format('%d', amount)
    end
  end
  if #parts == 1 and (count[3] or 0) > 0 then
    return string.format('%d', count[3])
  end
  return parts[1] and table.concat(parts, ',')
end

-- Make counts[user] available for each of `users` (at most a batch).
local function load_counts(users)
  local missing = {}
  for i = 1, #users do
    if not counts[users[i]] then
      missing[#missing + 1] = users[i]
      counts[users[i]] = true
    end
  end
  if #missing > 0 then
    local texts = redis.call('HMGET', COUNTS, unpack(missing))
    for i = 1, #missing do
      counts[missing[i]] = parse_counts(texts[i])
    end
  end
end

local function load_busy(users)
  local missing = {}
  for i = 1, #users do
    if not busy[users[i]] then
      missing[#missing + 1] = users[i]
      busy[users[i]] = 0
    end
  end
  if #missing > 0 then
    local amounts = redis.call('HMGET', BUSY, unpack(missing))
    for i = 1, #missing do
      busy[missing[i]] = tonumber(amounts[i]) or 0
      known_busy[missing[i]] = busy[missing[i]]
    end
  end
end

local function add_count(user, kind, amount)
  local count = counts[user]
  count[kind] = (count[kind] or 0) + amount
  if type(kind) == 'number' then
    count.ready = count.ready + amount
  end
  touched[user] = true
end

-- Count tasks that became ready and remember whose they are; a user that had none before has to join the ring.
local readied, joining = {}, {}
local function make_ready(user, level, amount)
  if counts[user].ready == 0 then
    joining[#joining + 1] = user
  end
  if not readied[user] then
    readied[user] = true
    readied[#readied + 1] = user
  end
  add_count(user, level, amount)
  add_stat('queued', amount)
end

-- Most users have as many runs after a call in which some ended and others began.
local function add_busy(user, amount)
  busy[user] = busy[user] + amount
  touched_busy[user] = busy[user] ~= known_busy[user] or nil
end

local function write_hash(key, users, text_of)
  if not next(users) then
    return
  end
  local fields, gone = {}, {}
  for user in pairs(users) do
    local text = text_of(user)
    if text then
      fields[#fields + 1] = user
      fields[#fields + 1] = text
    else
      gone[#gone + 1] = user
    end
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
  if #gone > 0 then
    redis.call('HDEL', key, unpack(gone))
  end
end

local function save_counts()
  write_hash(COUNTS, touched, function(user) return format_counts(counts[user]) end)
  write_hash(BUSY, touched_busy, function(user) return busy[user] > 0 and busy[user] or nil end)
end
