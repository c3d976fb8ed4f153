-- Weights and caps of users, of task names and of the queue. All is read here and judged by `room_of`: claims act by it
-- and `explain` tells it. A subject is a user, `|name` for the tasks of one name, or `||` for the whole queue; what
-- stands for `*` counts for every user that has no other value of its own. A record is `field=value;...` with what was
-- given: weight, max_concurrency, rate (`10/m`), burst, max_backlog, paused; and seed where a configuration gave it.
-- Of a token bucket only the instant is kept at which it will be full: it says how many tokens are in it now, as in the
-- generic cell rate algorithm (ITU-T I.371). A full one is forgotten.
local UNITS = { s = 1000, m = 60000, h = 3600000, d = 86400000 }
local TEXTS = { rate = true, seed = true }
local WHOLE = '||'
local ROUNDING = 1e-3     -- of a token or ms: what arithmetic on instants may lack
local rules = { cost = 'count', limited = 0, named = 0 }
local limits, tokens, spent = {}, {}, {}

-- What the queue's `rules` say: how starts are charged, how many subjects have settings, how many of them are names.
local function read_rules()
  if queue.rules == 0 or queue.rules == 'count 0 0' then
    return
  end
  local cost, limited, named = string.match(queue.rules, '^(%a+) (%d+) (%d+)$')
  rules = { cost = cost, limited = tonumber(limited), named = tonumber(named) }
end

local function save_rules()
  set_stat('rules', string.format('%s %d %d', rules.cost, rules.limited, rules.named))
end

local function parse_limits(text)
  local limit = {}
  for name, value in string.gmatch(text, '([%a_]+)=([^;]*)') do
    limit[name] = tonumber(value) or (TEXTS[name] and value) or nil     -- what nobody wrote counts as nothing
  end
  limit.paused = limit.paused == 1
  local starts, unit = string.match(limit.rate or '', '^([%d.]+)/([smhd])$')
  limit.rate = starts and limit.rate
  if starts then
    limit.per_ms = tonumber(starts) / UNITS[unit]
    limit.burst = limit.burst or math.max(1, math.ceil(limit.per_ms * 1000))
  end
  return limit
end

-- Is this the subject of a task name, or of the queue?
local function is_name(subject)
  return string.byte(subject) == 124
end

local function load_buckets(subjects)
  local full = redis.call('ZMSCORE', BUCKETS, unpack(subjects))
  for i = 1, #subjects do
    local limit = limits[subjects[i]]
    local missing = math.max(0, (tonumber(full[i]) or 0) - queue.now) * limit.per_ms
    spent[subjects[i]] = missing > limit.burst or nil     -- written under another rate: it counts as empty now
    tokens[subjects[i]] = math.max(0, limit.burst - missing)
  end
end

-- Make the settings of these subjects (at most a batch) available to the functions below.
local function load_limits(subjects)
  if rules.limited == 0 then
    return
  end
  local missing, rated = { '*' }, {}
  for i = 1, #subjects do
    if limits[subjects[i]] == nil then
      limits[subjects[i]] = false
      missing[#missing + 1] = subjects[i]
    end
  end
  if #missing == 1 then
    return
  end
  local texts = redis.call('HMGET', LIMITS, unpack(missing))
  local others = texts[1] and parse_limits(texts[1])
  for i = 2, #missing do
    local subject = missing[i]
    local limit = texts[i] and parse_limits(texts[i])
    if others and not is_name(subject) then
      limit = texts[i] and parse_limits(texts[1] .. texts[i]) or others
    end
    limits[subject] = limit
    if limit and limit.rate then
      rated[#rated + 1] = subject
    end
  end
  if #rated > 0 then
    load_buckets(rated)
  end
end

local function weight_of(user)
  return limits[user] and limits[user].weight or 1
end

-- How many more tasks of a subject may start now, `running` of them being at it, and what bars the one after these
-- (I15): p paused, c max_concurrency, r rate.
local function room_of(subject, running)
  local limit = limits[subject]
  if not limit then
    return math.huge
  elseif limit.paused then
    return 0, 'p'
  end
  local room, bar = math.huge, nil
  if limit.max_concurrency then
    room, bar = math.max(0, limit.max_concurrency - running), 'c'
  end
  if limit.rate and tokens[subject] < room then
    room, bar = math.floor(tokens[subject] + ROUNDING), 'r'
  end
  return room, bar
end

-- Take the tokens of so many starts out of a subject's bucket; a negative number puts them back.
local function spend(subject, starts)
  if limits[subject] and limits[subject].rate then
    tokens[subject] = math.min(limits[subject].burst, tokens[subject] - starts)
    spent[subject] = true
  end
end

-- The instant (ms) at which a subject's bucket holds a whole token.
local function opening_of(subject)
  return queue.now + math.max(1, math.ceil((1 - tokens[subject]) / limits[subject].per_ms - ROUNDING))
end

local function save_buckets()
  local full = {}
  for subject in pairs(spent) do
    local limit = limits[subject]
    full[#full + 1] = queue.now + (limit.burst - tokens[subject]) / limit.per_ms
    full[#full + 1] = subject
  end
  if #full > 0 then
    redis.call('ZADD', BUCKETS, unpack(full))
  end
end

-- A subject's settings change: what is in its bucket stays there, so that no change opens a rate by itself.
local function change_rate(subject, old, new)
  if old.rate and new.rate then
    limits[subject] = old
    load_buckets({ subject })
    limits[subject], spent[subject] = new, true
    tokens[subject] = math.min(new.burst, tokens[subject])
    save_buckets()
  elseif old.rate then
    redis.call('ZREM', BUCKETS, subject)
  end
end

-- Subjects with settings, and one more while somebody is held or has a bucket though all settings are gone.
local function count_limited()
  rules.limited = redis.call('HLEN', LIMITS) + math.min(1, redis.call('EXISTS', HELD, BUCKETS))
  save_rules()
end

-- Forget buckets that are full, a bounded number at a time.
local function sweep_buckets(limit)
  if rules.limited > 0 then
    local full = redis.call('ZRANGE', BUCKETS, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, limit)
    if #full > 0 then
      redis.call('ZREM', BUCKETS, unpack(full))
      count_limited()
    end
  end
end
