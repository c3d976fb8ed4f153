-- How tasks end that do not end well, whether they ran or waited: the record keeps the call behind the reason, so that
-- it can be queued again. The reason is what a worker sends (a failure as JSON), or one of Lua's own words: lost,
-- canceled, expired, corrupt, parent (one failed or was canceled), orphaned (one is not there any more). A body is
-- `<length>:<reason><call>`.
local FAILED_TTL = 604800000     -- ms: 7 days among the dead letters, where no worker says otherwise
local CANCELED_TTL = 3600000     -- ms: an hour

local function end_badly(user, id, record, state, reason, ttl)
  local label = string.match(record.body, '^[^|]*')
  record.state = state
  record.body = #reason .. ':' .. reason .. record.body
  record.ended, record.expires = string.match(keep_task(user, id, user .. '|' .. id, label, ttl), '(%d+):(%d+)')
  note_flow(user, record.nonce, state, 1, tonumber(record.expires))
  note_parent(user, id, state)
end

-- X: the task joins its user's dead letters.
local function bury_task(user, id, record, reason, ttl)
  end_badly(user, id, record, 'X', reason, ttl)
  redis.call('ZADD', user_key(user, 'failed'), queue.now, id)
  add_count(user, 'x', 1)
  add_stat('failed', 1)
  add_stat('failed_total', 1)
end

-- X, for a task whose stored bytes nobody can read; its record is written.
local function bury_corrupt(user, id, record)
  bury_task(user, id, record, 'corrupt', FAILED_TTL)
  local text = format_record(record)
  add_bytes(user, #text)
  redis.call('HSET', user_key(user, 'tasks'), id, text)
end

-- X, for a task whose record is no record: it goes without its call.
local function bury_unreadable(user, id, text)
  if text then
    local record = parse_core('3:0:0:0:0:')
    record.body = '|[[],{},{}]'
    bury_corrupt(user, id, record)
  end
end

-- C: the task was canceled.
local function cancel_task(user, id, record, reason, ttl)
  end_badly(user, id, record, 'C', reason, ttl)
  add_stat('canceled_total', 1)
end

-- The call that an ended record keeps, its reason taken off.
local function call_of(record)
  local length, at = string.match(record.body, '^(%d+):()')
  return length and string.sub(record.body, at + tonumber(length)) or ''
end
