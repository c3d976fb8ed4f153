-- One claim: users are chosen by tag, their tasks taken, and each user looked at finds its place again: in the ring,
-- held, or gone. Every user is touched once.

local PARK_MOST = 200     -- tasks set aside in one pass, but for five of each user

-- Must each task be seen before it is started? It must where it has a price of its own, or its name may have caps.
local function sees_each()
  return rules.cost ~= 'count' or rules.named > 0
end

local SEEN_MOST = 80     -- tasks that are seen so in one call: 3 to 4 ms

-- What starts the users' next tasks. Where a start costs the same whatever the task is, starts are only counted here
-- and each user's tasks are taken together afterwards.
local function starter_of(users, want, rooms, worker)
  if sees_each() then
    local ahead, parking = math.ceil(want / #users), math.max(5, math.floor(PARK_MOST / #users))
    return function(user, picked)
      return picked < rooms[user] and start_buffered(user, ahead, parking, worker) or nil
    end
  elseif rules.limited > 0 then
    return function(user, picked)
      return picked < counts[user].ready and picked < rooms[user] and 1 / weight_of(user) or nil
    end
  end
  return function(user, picked)
    return picked < counts[user].ready and 1 or nil
  end
end

-- Return what each chosen user is granted. A user whose lanes held less than was counted is charged for less.
local function take_chosen(picks, tag_of, worker)
  local taken, granted = {}, 0
  for user, wanted in pairs(picks) do
    if sees_each() then
      taken[user] = empty_buffer(user)
    else
      local weight = weight_of(user)
      taken[user] = wanted > 0 and take_tasks(user, wanted, format_charge(1, weight), worker) or {}
      tag_of[user] = tag_of[user] - (wanted - #taken[user] / 3) / weight
    end
    local found = #taken[user] / 3
    granted = granted + found
    if found > 0 then
      add_busy(user, found)
      spend(user, found)
    end
  end
  return taken, granted
end

-- Write what was granted, in the order in which users were chosen.
local function write_grants(order, taken, granted, lease_ms, grants)
  local runs, leases, n, next_of = {}, {}, 0, {}
  local deadline, at = string.format('%d', queue.now + lease_ms), #grants
  for i = 1, #order do
    local user = order[i]
    local own, k = taken[user], next_of[user] or 1
    local member = own[k]
    if member then
      next_of[user] = k + 3
      runs[n + 1], runs[n + 2] = member, own[k + 1]
      leases[n + 1], leases[n + 2] = deadline, member
      grants[at + 1], grants[at + 2], grants[at + 3] = member, own[k + 1], own[k + 2]
      n, at = n + 2, at + 3
    end
  end
  redis.call('HSET', RUNS, unpack(runs))
  redis.call('ZADD', LEASES, unpack(leases))
  set_stat('clock', queue.clock)
  set_stat('token', queue.token)
  add_stat('queued', -granted)
end

-- Put each user that was looked at where it belongs now. Returns how many went out of the ring in whose stead others
-- may be served.
local function seat_users(picks, tag_of, scope)
  local tags, leaving, held, bar_of, aside = {}, {}, {}, {}, 0
  for user in pairs(picks) do
    local room, bar = room_of(user, busy[user])
    if counts[user].ready == 0 then
      leaving[#leaving + 1] = user
      aside = aside + (picks[user] == 0 and 1 or 0)
      if counts[user].g then
        drop_ghosts(user)
      end
    elseif room == 0 then
      held[#held + 1], bar_of[user] = user, bar
    elseif picks[user] > 0 then
      tags[#tags + 1] = tag_of[user]
      tags[#tags + 1] = user
    end
  end
  if #tags > 0 then
    redis.call('ZADD', RING, unpack(tags))
    if scope ~= '*' then
      redis.call('ZADD', SCOPE .. scope, unpack(tags))
    end
  end
  leave_ring(leaving, tag_of)
  hold_users(held, tag_of, bar_of)
  return #held + aside
end

-- Choose users; the greatest tag that was served moves the clocks on.
local reached = 0
local function choose_by_clock(scope, head, want, last_tag, start)
  local clock = queue.clock
  queue.clock = reached
  local order, picks, tag_of = choose_users(head, want, last_tag, start)
  reached, queue.clock = queue.clock, math.max(clock, queue.clock)
  if scope == '*' and queue.scopes > 0 and reached > queue.everyone then
    set_stat('everyone', reached)
  end
  return order, picks, tag_of
end

-- Who had to be passed over for its suspects, while others were served, earns no credit by it (I24).
local function pass_by_stuck()
  for i = 1, reached > 0 and #stuck or 0 do
    redis.call('ZADD', RING, 'XX', 'GT', reached, stuck[i])
  end
  stuck, reached = {}, 0
end

-- One pass over the head of a list: grant up to `want` tasks of its users. Returns how many, and how many users were
-- held or barred, so that others may be served in their stead.
local function claim_once(scope, want, worker, lease_ms, grants)
  local most = want + #barred
  local head = want > 0 and head_of(scope, most) or {}
  if #head == 0 then
    if scope == '*' and want > 0 and queue.everyone > 0 then
      set_stat('everyone', 0)     -- whoever comes next finds these workers idle
    end
    return 0, 0
  end
  local last_tag = #head == 2 * most and tonumber(head[#head]) or math.huge
  local users, rooms, before = {}, {}, #barred
  for i = 1, #head, 2 do
    users[#users + 1] = head[i]
  end
  load_counts(users)
  load_busy(users)
  load_limits(users)
  for i = 1, #users do
    rooms[users[i]] = room_of(users[i], busy[users[i]])
  end
  local order, picks, tag_of = choose_by_clock(scope, head, want, last_tag, starter_of(users, want, rooms, worker))
  local taken, granted = take_chosen(picks, tag_of, worker)
  if granted > 0 then
    write_grants(order, taken, granted, lease_ms, grants)
  end
  return granted, seat_users(picks, tag_of, scope) + #barred - before
end

-- Grant up to `want` tasks of the users of one list to a worker; appends member, run and record of each to `grants`.
local function claim_tasks(scope, want, worker, lease_ms, grants)
  local granted = 0
  for pass = 1, 8 do
    local found, aside = claim_once(scope, want - granted, worker, lease_ms, grants)
    granted = granted + found
    if granted == want or aside == 0 then
      break
    end
    queue.unfinished = queue.unfinished or pass == 8
  end
  pass_by_stuck()
  return granted
end

-- How many of `want` tasks the caps of the whole queue let start now. Where a rate bars them, somebody looks again as
-- soon as it opens.
local function queue_room(want)
  if rules.limited == 0 then
    return want
  end
  load_limits({ WHOLE })
  local room, bar = room_of(WHOLE, limits[WHOLE] and redis.call('ZCARD', LEASES) or 0)
  if room == 0 and bar == 'r' then
    redis.call('ZADD', DUE, opening_of(WHOLE), WHOLE)
  end
  return math.min(want, room)
end
