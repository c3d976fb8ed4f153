-- Accepting new tasks (lib/weigh): once everything is decided, everything is written, and only then
-- answered (I2).

-- When a task is due ('' for now) and when it is canceled if it has not started ('': never), of `<when>[/<ms>]`.
local function instants_of(when)
  local start, span = string.match(when, '^([^/]*)/?(.*)$')
  local due = string.sub(start, 1, 1) == '+' and string.format('%d', queue.now + tonumber(start)) or start
  return due, span ~= '' and string.format('%d', queue.now + tonumber(span)) or ''
end

-- Put a task that is ready into its lane's new entries, or one that waits for a time among the scheduled; one without
-- an entry waits for others.
local function place_task(user, id, level, due, last_start, entry, lanes)
  local member = user .. '|' .. id
  if last_start ~= '' then
    note_due(user, member .. '|', tonumber(last_start))
  end
  if not entry then
    return
  elseif due ~= '' then
    schedule(user, member, tonumber(due))
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
local function write_tasks(user, places, arrivals, since)
  local flat, first, answers, keys = arrivals.flat, arrivals.first, arrivals.answers, arrivals.keys
  local key, alone = user_key(user, 'tasks'), stands_alone(places, flat, keys)
  local fields, lanes = {}, {}
  for p = 1, #places do
    local at = places[p]
    local n = answer_place(at, first)
    if answers[n] == 0 then
      local level, id, nonce, when, body = unpack(flat, at + 1, at + 5)
      local seq = string.format('%d', queue.seq + 1)
      local due, last_start = '', ''
      if when ~= '' then
        due, last_start = instants_of(when)
      end
      local waits = deferral and deferral(user, id, nonce, seq, at)
      local record = (waits and 'D' or due == '' and 'Q' or 'W') .. level .. ':' .. seq .. ':0:0:0:' .. nonce .. ':' ..
        (waits and due or '') .. ':' .. last_start .. '|' .. body
      answers[n] = 1
      if not alone then
        fields[#fields + 1] = id
        fields[#fields + 1] = record
      elseif redis.call('HSETNX', key, id, record) == 0 then
        return
      end
      queue.seq = queue.seq + 1
      add_count(arrivals.subjects[at], 3, 1)
      place_task(user, id, level, due, last_start, not waits and seq .. since .. id, lanes)
      if keys[at] then
        redis.call('HSET', user_key(user, 'unique'), keys[at], id)
      end
    end
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
  end
  extend_lanes(user, lanes)
end

-- Look at the lanes that are going to be written (I19).
local function guard_lanes(users, places_of, flat)
  for _, user in ipairs(users) do
    local seen = {}
    for _, at in ipairs(places_of[user]) do
      local level = flat[at + 1]
      if not seen[level] then
        seen[level] = true
        redis.call('LLEN', lane_key(user, tonumber(level)))
      end
    end
  end
end

-- Decide what becomes of the tasks in `flat` from place `first` on. Returns what `write_arrivals` needs, with the
-- answers, or an error.
local function weigh_arrivals(flat, first)
  local users, places_of, subjects, keys = read_arrivals(flat, first)
  load_counts(users)
  load_counts(subjects)
  local answers, replaced = weigh_tasks(users, places_of, flat, first, keys)
  local overflow = refuse_overflow(users, places_of, flat, first, answers, replaced, subjects, keys)
  if overflow then
    return redis.error_reply('BACKLOG ' .. overflow)
  end
  return { flat = flat, first = first, users = users, places_of = places_of, subjects = subjects, keys = keys,
    answers = answers, replaced = replaced }
end

-- Write what is new of it; returns the answers.
local function write_arrivals(arrivals)
  local users, places_of, answers = arrivals.users, arrivals.places_of, arrivals.answers
  guard_lanes(users, places_of, arrivals.flat)
  for _, gone in ipairs(arrivals.replaced) do
    if answers[gone.place] == 0 then     -- else a living task has its unique key
      unkeep(gone.user, { gone.id }, gone.bytes)
    end
  end
  local seq, newcomers, since = queue.seq, {}, string.format(':%d:', queue.now)
  for _, user in ipairs(users) do
    if counts[user].new then
      newcomers[#newcomers + 1] = user
    end
    write_tasks(user, places_of[user], arrivals, since)
  end
  remember_users(newcomers)
  if queue.seq > seq then
    set_stat('seq', queue.seq)
  end
  return answers
end
