-- Accepting new tasks, six values each in a flat array: user, level, id, nonce, when, body.
-- First everything is read and decided, then everything is written.
local ACCEPT_WIDTH = 6

-- Is this the only task of its user here, with a generated id? Then the write itself tells whether it is new: HSETNX.
local function stands_alone(places, flat)
  return #places == 1 and flat[places[1] + 3] == ''
end

-- Compare one user's tasks with what it has; the records of failed tasks that are replaced are collected.
local function weigh_users_tasks(user, places, flat, first, answers, replaced)
  local ids, pushed = {}, {}
  for n = 1, #places do
    ids[n] = flat[places[n] + 2]
  end
  local texts = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids))
  for n = 1, #places do
    local at, id = places[n], ids[n]
    local nonce, record = flat[at + 3], texts[n] and parse_record(texts[n])
    local holder = pushed[id] or (record and (record.nonce == nonce or not is_ended(record)) and record.nonce)
    answers[(at - first) / ACCEPT_WIDTH + 1] = (not holder and 0) or (holder == nonce and 1) or holder
    pushed[id] = holder or nonce
    if not holder and record and record.state == 'X' then
      replaced[#replaced + 1] = { user = user, id = id }
    end
  end
end

-- Decide which tasks are new. Returns the users in order, their tasks' places in `flat`, one answer per task: 0 new, 1
-- made by an earlier copy of this very push (I3), or the nonce of the living task that holds the id; and the names'
-- subjects (limits.lua), listed, and by place.
local function weigh_tasks(flat, first)
  local users, places_of, answers, replaced, subjects = {}, {}, {}, {}, {}
  for at = first, #flat, ACCEPT_WIDTH do
    local subject = subject_of(flat[at + 5])
    if not subjects[subject] then
      subjects[subject] = true
      subjects[#subjects + 1] = subject
    end
    subjects[at] = subject
    local user = flat[at]
    local places = places_of[user]
    if not places then
      places = {}
      places_of[user], users[#users + 1] = places, user
    end
    places[#places + 1] = at
  end
  load_counts(users)
  load_counts(subjects)
  for u = 1, #users do
    local user = users[u]
    local places = places_of[user]
    if stands_alone(places, flat) then
      answers[(places[1] - first) / ACCEPT_WIDTH + 1] = 0
    else
      weigh_users_tasks(user, places, flat, first, answers, replaced)
    end
  end
  return users, places_of, answers, replaced, subjects
end

-- Which subject would have more tasks waiting than its max_backlog allows, and what to say of it; nil if none.
local function overflow_of(users, places_of, first, answers, subjects)
  local arriving = {}
  for _, user in ipairs(users) do
    for _, at in ipairs(places_of[user]) do
      if answers[(at - first) / ACCEPT_WIDTH + 1] == 0 then
        for _, subject in ipairs({ user, subjects[at], WHOLE }) do
          arriving[subject] = (arriving[subject] or 0) + 1
        end
      end
    end
  end
  for subject, new in pairs(arriving) do
    local most = limits[subject] and limits[subject].max_backlog
    local count = counts[subject]
    local waiting = count and count.ready + (count.h or 0) + (count.s or 0) or queue.queued + queue.scheduled
    if most and waiting + new > most then
      local who = string.gsub(subject == WHOLE and 'the queue' or subject, '%%(%x%x)', function(code)
        return string.char(tonumber(code, 16))
      end)
      return string.format('%s: %d tasks wait, max_backlog is %d, %d more were pushed', who, waiting, most, new)
    end
  end
end

-- Refuse the batch where it is too much for a user, a name or the queue. What an earlier copy of this very push has
-- brought in is no more: before refusing, tasks whose write alone would tell are looked up.
local function refuse_overflow(users, places_of, flat, first, answers, replaced, subjects)
  if rules.limited == 0 then
    return nil
  end
  load_limits(users)
  load_limits(subjects)
  load_limits({ WHOLE })
  if not overflow_of(users, places_of, first, answers, subjects) then
    return nil
  end
  for _, user in ipairs(users) do
    if stands_alone(places_of[user], flat) then
      weigh_users_tasks(user, places_of[user], flat, first, answers, replaced)
    end
  end
  return overflow_of(users, places_of, first, answers, subjects)
end

-- Put a task that is ready into its lane's new entries, or one that waits for a time among the scheduled.
local function place_task(user, id, level, when, entry, lanes)
  if when ~= '' then
    local due = string.sub(when, 1, 1) == '+' and queue.now + tonumber(when) or tonumber(when)
    schedule(user, user .. '|' .. id, due)
    return
  end
  local entries = lanes[level]
  if entries then
    entries[#entries + 1] = entry
  else
    lanes[level] = { entry }
  end
end

-- Write the new tasks of one user. `since` is the middle of their lane entries.
local function write_tasks(user, places, flat, first, answers, since, subjects)
  local key, alone = user_key(user, 'tasks'), stands_alone(places, flat)
  local fields, lanes = {}, {}
  for p = 1, #places do
    local at = places[p]
    local n = (at - first) / ACCEPT_WIDTH + 1
    if answers[n] == 0 then
      local level, id, nonce, when, body = unpack(flat, at + 1, at + 5)
      local seq = string.format('%d', queue.seq + 1)
      local record = (when == '' and 'Q' or 'W') .. level .. ':' .. seq .. ':0:0:0:' .. nonce .. '::|' .. body
      answers[n] = 1
      if not alone then
        fields[#fields + 1] = id
        fields[#fields + 1] = record
      elseif redis.call('HSETNX', key, id, record) == 0 then
        return
      end
      queue.seq = queue.seq + 1
      add_count(subjects[at], 3, 1)
      place_task(user, id, level, when, seq .. since .. id, lanes)
    end
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
  for level, entries in pairs(lanes) do
    level = tonumber(level)
    redis.call('RPUSH', lane_key(user, level), unpack(entries))
    make_ready(user, level, #entries)
  end
end

-- Accept all new tasks among those in `flat` from place `first` on; returns the answers, or an error.
local function accept_tasks(flat, first)
  local users, places_of, answers, replaced, subjects = weigh_tasks(flat, first)
  local overflow = refuse_overflow(users, places_of, flat, first, answers, replaced, subjects)
  if overflow then
    return redis.error_reply('BACKLOG ' .. overflow)
  end
  for _, gone in ipairs(replaced) do
    redis.call('LREM', user_key(gone.user, 'failed'), 1, gone.id)
    add_count(gone.user, 'x', -1)
    add_stat('failed', -1)
  end
  local seq, newcomers, since = queue.seq, {}, string.format(':%d:', queue.now)
  for _, user in ipairs(users) do
    if counts[user].new then
      newcomers[#newcomers + 1] = user
    end
    write_tasks(user, places_of[user], flat, first, answers, since, subjects)
  end
  remember_users(newcomers)
  if queue.seq > seq then
    set_stat('seq', queue.seq)
  end
  return answers
end
