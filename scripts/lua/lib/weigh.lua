-- Deciding which of the tasks that are pushed are new: six values each in a flat array: user, level, id, nonce, when,
-- body. Nothing is written here.
local ACCEPT_WIDTH = 6
local deferral = nil     -- where tasks may wait for others: links a new one, and says whether it waits (lib/link)

local function answer_place(at, first)
  return (at - first) / ACCEPT_WIDTH + 1
end

-- Is this the only task of its user here, with a generated id and no unique key? Then the write itself tells whether it
-- is new: HSETNX.
local function stands_alone(places, flat, keys)
  return #places == 1 and flat[places[1] + 3] == '' and not keys[places[1]] and not deferral
end

-- Compare one user's tasks with what it has; the records that had ended and are replaced are collected.
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
    answers[answer_place(at, first)] = (not holder and 0) or (holder == nonce and 1) or holder
    pushed[id] = holder or nonce
    if not holder and record then
      replaced[#replaced + 1] = { user = user, id = id, bytes = #texts[n], place = answer_place(at, first) }
    end
  end
end

-- A new task whose unique key a living one of its user has is answered with that one: `<id>|<nonce>`.
local function weigh_unique_keys(user, places, flat, first, answers, keys)
  local holders = {}
  for _, at in ipairs(places) do
    local key, n, id = keys[at], answer_place(at, first), flat[at + 2]
    if key and answers[n] == 0 then
      local holder = holders[key]
      if not holder then
        local known = redis.call('HGET', user_key(user, 'unique'), key)
        local record = known and known ~= id and parse_record(redis.call('HGET', user_key(user, 'tasks'), known))
        holder = record and not is_ended(record) and known .. '|' .. record.nonce
      end
      holders[key] = holder or id .. '|' .. flat[at + 3]
      answers[n] = holder or 0
    end
  end
end

-- Read what is pushed: the users in order, the places of their tasks in `flat`, the subjects of the tasks' names
-- (lib/limits), listed and by place, and their unique keys by place.
local function read_arrivals(flat, first)
  local users, places_of, subjects, keys, key_by = {}, {}, {}, {}, {}
  for at = first, #flat, ACCEPT_WIDTH do
    local label = string.match(flat[at + 5], '^[^|]*')
    if key_by[label] == nil then
      key_by[label] = key_of(label) or false
      subjects[#subjects + 1] = subject_of(label)
      keys.any = keys.any or key_by[label]
    end
    subjects[at], keys[at] = subject_of(label), key_by[label] or nil
    local user = flat[at]
    local places = places_of[user]
    if not places then
      places = {}
      places_of[user], users[#users + 1] = places, user
    end
    places[#places + 1] = at
  end
  return users, places_of, subjects, keys
end

-- Decide which tasks are new. Returns one answer per task: 0 new, 1 made by an earlier copy of this very push (I3), or
-- the living task that holds its id (its nonce) or its unique key; and the records that are replaced.
local function weigh_tasks(users, places_of, flat, first, keys)
  local answers, replaced = {}, {}
  for u = 1, #users do
    local user = users[u]
    local places = places_of[user]
    if stands_alone(places, flat, keys) then
      answers[answer_place(places[1], first)] = 0
    else
      weigh_users_tasks(user, places, flat, first, answers, replaced)
      if keys.any then
        weigh_unique_keys(user, places, flat, first, answers, keys)
      end
    end
  end
  return answers, replaced
end
