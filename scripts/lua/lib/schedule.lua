-- Schedules: what is to be pushed again and again, and when. What is known of one, whose id its user's `schedules` has:
--   <version>:<A active, P paused or E ended>:<next fire, ms>:<the one before>:<user>:<task>:<nonce>|<opaque>
-- Every change makes a new version. A fire is pushed, and the schedule moved on, in one step that compares version and
-- next fire with those its scheduler has read: whoever comes second moves nothing (I18). task, nonce: the last one that
-- was pushed. What came of its fires, the newest first: <letter>:<instant, ms>:<done at, ms>:<task, or opaque>
local SCHEDULE = '^(%d+):([APE]):(%d*):(%d*):([^:|]+):([^:|]*):(%w*)|(.*)$'
local FIRES_KEPT, FIRES_TTL = 100, 2592000000     -- how many, and for how many ms after the last
local POSTPONED = 60000     -- ms until one that nobody could make sense of is looked at again

local function parse_schedule(text)
  local version, state, due, before, user, task, nonce, body = string.match(text or '', SCHEDULE)
  if version and #version < 16 and #due < 16 then
    return { version = version, state = state, due = due, before = before, user = user, task = task, nonce = nonce,
      body = body }
  end
end

local function format_schedule(known)
  return string.format('%s:%s:%s:%s:%s:%s:%s|%s', known.version, known.state, known.due, known.before, known.user,
    known.task, known.nonce, known.body)
end

-- What is known of a schedule, unless it is damaged: its user must have it.
local function sound_schedule(id)
  local known = parse_schedule(redis.call('HGET', SCHEDULES, id))
  return known and redis.pcall('SISMEMBER', user_key(known.user, 'schedules'), id) == 1 and known or nil
end

local function fires_key(user, id)
  return user_key(user, 'fires:' .. id)
end

local function guard_schedules(user)
  guard_zsets(SCHEDULES_DUE)
  guard_hashes(SCHEDULES)
  if user then
    redis.call('SCARD', user_key(user, 'schedules'))
  end
end

-- Have a schedule looked at when it fires next, or never.
local function enter_due(id, known)
  if known and known.state == 'A' and known.due ~= '' then
    redis.call('ZADD', SCHEDULES_DUE, known.due, id)
  else
    redis.call('ZREM', SCHEDULES_DUE, id)
  end
end

-- Write what is known of a schedule, and when it is due.
local function save_schedule(id, known)
  redis.call('HSET', SCHEDULES, id, format_schedule(known))
  enter_due(id, known)
end

-- Write down what came of fires, the newest last.
local function note_fires(user, id, lines)
  if #lines > 0 then
    redis.call('LPUSH', fires_key(user, id), unpack(lines))
    redis.call('LTRIM', fires_key(user, id), 0, FIRES_KEPT - 1)
    redis.call('PEXPIRE', fires_key(user, id), FIRES_TTL)
  end
end

local function forget_schedule(user, id)
  redis.call('HDEL', SCHEDULES, id)
  redis.call('ZREM', SCHEDULES_DUE, id)
  redis.call('SREM', user_key(user, 'schedules'), id)
  redis.call('UNLINK', fires_key(user, id))
end

-- Forget up to `most` of a user's schedules; returns how many are left.
local function erase_schedules(user, most)
  local index = user_key(user, 'schedules')
  for _, id in ipairs(redis.call('SRANDMEMBER', index, most)) do
    local known = parse_schedule(redis.call('HGET', SCHEDULES, id))
    if known and known.user ~= user then     -- it is another's by now
      redis.call('SREM', index, id)
    else
      forget_schedule(user, id)
    end
  end
  return redis.call('SCARD', index)
end
