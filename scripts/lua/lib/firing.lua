-- What comes of the fires of schedules: which are pushed, what is noted of each, how their schedules move on.
local FIRE_HEAD, FIRE_WIDTH = 10, 3     -- values per schedule, values per fire

-- Read the schedules of a call from place `at` of ARGV on. `known` is what there is of one that stands as its scheduler
-- has read it; one that an earlier copy of this call, or another scheduler, has moved on is `done`.
local function read_schedules(at)
  local found = {}
  while at <= #ARGV do
    local id, version, due, following, overlap, level, when, body, remark, count = unpack(ARGV, at, at + FIRE_HEAD - 1)
    local known = parse_schedule(redis.call('HGET', SCHEDULES, id))
    local one = { id = id, following = following, overlap = overlap, level = level, when = when, body = body,
      remark = remark, by_hand = due == '', fires = {}, lines = {} }
    if known and known.version == version then
      one.known = (one.by_hand or (known.state == 'A' and known.due == due)) and known or nil
      one.done = not one.known and known.before == due
    end
    at = at + FIRE_HEAD
    for n = 1, tonumber(count) do
      one.fires[n] = { instant = ARGV[at], id = ARGV[at + 1], nonce = ARGV[at + 2] }
      at = at + FIRE_WIDTH
    end
    found[#found + 1] = one
  end
  return found
end

-- The task that a schedule pushed last, if that has not ended.
local function task_alive(known)
  local record = known.task ~= '' and parse_record(redis.call('HGET', user_key(known.user, 'tasks'), known.task))
  return record and record.nonce == known.nonce and not is_ended(record) and known.task or nil
end

-- Add the tasks of a schedule's fires to `flat`, as a push has them (lib/weigh). Of one that may not overlap itself
-- that is one at most, and none while the last one lives; by hand it is fired all the same.
local function plan_fires(one, flat)
  local known = one.known
  local alive = one.overlap == 's' and not one.by_hand and task_alive(known)
  for _, fire in ipairs(one.fires) do
    if alive then
      fire.letter, fire.detail = 'S', alive
    else
      for _, value in ipairs({ known.user, one.level, fire.id, fire.nonce, one.when, one.body }) do
        flat[#flat + 1] = value
      end
      fire.place = #flat / ACCEPT_WIDTH
      alive = one.overlap == 's' and fire.id
    end
  end
end

-- Say what came of each fire, given the answers to what was pushed; false: it was refused.
local function conclude(one, answers)
  local known = one.known
  local function note(letter, instant, detail)
    one.lines[#one.lines + 1] = string.format('%s:%s:%d:%s', letter, instant, queue.now, detail)
  end
  if one.remark ~= '' then
    note('M', string.match(one.remark, '^(%d+):(.*)$'))
  end
  for _, fire in ipairs(one.fires) do
    local answer = fire.place and answers and answers[fire.place]
    if not fire.place then
      note(fire.letter, fire.instant, fire.detail)
    elseif not answer then
      note('B', fire.instant, '')
    elseif answer == 0 then
      known.task, known.nonce = fire.id, fire.nonce
      note(one.by_hand and 'H' or 'F', fire.instant, fire.id)
    elseif answer ~= 1 and not one.by_hand then     -- else who asked for it hears which task stands in its way
      note('U', fire.instant, string.match(answer, '^(.*)|') or fire.id)
    end
  end
  note_fires(known.user, one.id, one.lines)
end

local function move_on(one)
  local known = one.known
  if not one.by_hand then
    known.before, known.due = known.due, one.following
    known.state = one.following == '' and 'E' or 'A'
  end
  save_schedule(one.id, known)
end

-- Look again in a minute at a schedule that nobody here can make sense of; its remark says why, and is noted once.
local function postpone(one)
  local user, due, at = one.known.user, one.known.due, tonumber(redis.call('ZSCORE', SCHEDULES_DUE, one.id))
  if at and at <= queue.now then
    redis.call('ZADD', SCHEDULES_DUE, queue.now + POSTPONED, one.id)
    local last = redis.call('LINDEX', fires_key(user, one.id), 0) or ''
    local instant, why = string.match(last, '^E:(%d+):%d+:(.*)$')
    if instant ~= due or why ~= one.remark then
      note_fires(user, one.id, { string.format('E:%s:%d:%s', due, queue.now, one.remark) })
    end
  end
end
