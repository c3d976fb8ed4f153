-- Choosing whom to serve and taking their tasks. Picks are computed in Lua first, then each user is touched once.

-- Of these users (flat: user, tag, in order of tag) choose `want` starts, always the least tag. Returns the users in
-- order of their starts, how many each got, and each one's tag afterwards. Two sorted runs are merged: users not
-- served yet, and users put back, which enter in order of tag (at the tail, with equal weights).
local function choose_users(head, want)
  local order, picks, tag_of = {}, {}, {}
  local fresh, fresh_tag = 1, tonumber(head[2])
  local back, back_tag, first, last = {}, {}, 1, 0
  local chosen = 0
  while chosen < want do
    local user, tag
    if fresh_tag and not (first <= last and back_tag[first] < fresh_tag) then
      user, tag = head[fresh], fresh_tag
      fresh = fresh + 2
      fresh_tag = tonumber(head[fresh + 1])
      picks[user], tag_of[user] = not barred[user] and 0 or nil, tag
    elseif first <= last then
      user, tag = back[first], back_tag[first]
      first = first + 1
    else
      break
    end
    local picked, ready = picks[user], counts[user].ready
    if picked and picked < ready then
      if tag > queue.clock then
        queue.clock = tag
      end
      chosen = chosen + 1
      order[chosen] = user
      picks[user] = picked + 1
      tag = tag + CHARGE
      tag_of[user] = tag
      if picked + 1 < ready then
        last = last + 1
        local place = last
        while place > first and back_tag[place - 1] > tag do
          back[place], back_tag[place] = back[place - 1], back_tag[place - 1]
          place = place - 1
        end
        back[place], back_tag[place] = user, tag
      end
    end
  end
  return order, picks, tag_of
end

-- Take entries off a user's lanes and grant their tasks, until there are `want` of them; suspects that this worker may
-- not have are collected. Returns how many entries were taken off.
local function take_round(user, want, before_core, worker, taken, suspects)
  local entries, ids, seqs, sinces = take_entries(user, want, queue.aging), {}, {}, {}
  if #entries == 0 then
    return 0
  end
  for i = 1, #entries do
    seqs[i], sinces[i], ids[i] = string.match(entries[i], '^(%d+):(%d+):(.*)')
  end
  local texts, found = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), #taken
  for i = 1, #ids do
    local level, seq, attempt, lost, rest = string.match(texts[i] or '', '^Q(%d):(%d+):(%d+):(%d+)(:%d+:%w*):')
    local member = user .. '|' .. ids[i]
    if seq ~= seqs[i] then
      queue.damaged = true
    elseif lost ~= '0' and not take_suspect(worker, member) then
      suspects[#suspects + 1] = entries[i]
      suspects[#suspects + 1] = tonumber(level)
    else
      queue.token = queue.token + 1
      add_count(user, tonumber(level), -1)
      taken[found + 1] = member
      taken[found + 2] = queue.token .. ':' .. sinces[i] .. before_core .. level .. ':' .. seq .. ':' ..
        attempt + 1 .. ':' .. lost .. rest .. ':' .. worker
      taken[found + 3] = texts[i]
      found = found + 3
    end
  end
  return #entries
end

-- Take up to `want` of one user's tasks. Returns member, run and record of each, flat and in order, and how many.
local function take_tasks(user, want, before_core, worker)
  if counts[user].g then
    want = clean_lanes(user, want)
  end
  local taken, suspects, rounds = {}, {}, 0
  queue.damaged = false
  while #taken < 3 * want and rounds < 16 do
    rounds = rounds + 1
    if take_round(user, want - #taken / 3, before_core, worker, taken, suspects) == 0 then
      break
    end
  end
  if #suspects > 0 then
    pass_over(user, suspects)
  end
  if queue.damaged then
    recount(user)
  end
  return taken, #taken / 3
end

-- One pass over the head of a list: grant up to `want` tasks of its users.
local function claim_once(scope, want, worker, lease_ms, grants)
  local head = want > 0 and head_of(scope, want + #barred) or {}
  if #head == 0 then
    return 0
  end
  local users = {}
  for i = 1, #head, 2 do
    users[#users + 1] = head[i]
  end
  load_counts(users)
  load_busy(users)
  local order, picks, tag_of = choose_users(head, want)
  local taken, next_of, tags, leaving, granted = {}, {}, {}, {}, 0
  local before_core = string.format(':%d:', queue.now)
  for user, wanted in pairs(picks) do
    local found
    taken[user], found = take_tasks(user, wanted, before_core, worker)
    next_of[user], granted = 1, granted + found
    tag_of[user] = tag_of[user] - (wanted - found) * CHARGE
    add_busy(user, found)
    if counts[user].ready > 0 then
      tags[#tags + 1] = tag_of[user]
      tags[#tags + 1] = user
    else
      leaving[#leaving + 1] = user
      if counts[user].g then
        drop_ghosts(user)
      end
    end
  end
  if granted > 0 then
    local runs, leases, n = {}, {}, 0
    local deadline, at = string.format('%d', queue.now + lease_ms), #grants
    for i = 1, #order do
      local user = order[i]
      local own, k = taken[user], next_of[user]
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
  if #tags > 0 then
    redis.call('ZADD', RING, unpack(tags))
    if scope ~= '*' then
      redis.call('ZADD', SCOPE .. scope, unpack(tags))
    end
  end
  leave_ring(leaving, tag_of)
  return granted
end

-- Grant up to `want` tasks of the users of one list to a worker; appends member, run and record of each to `grants`.
-- Where a user had to be passed over, others are served in its stead.
local function claim_tasks(scope, want, worker, lease_ms, grants)
  local granted = 0
  for _ = 1, 4 do
    local passed_over = #barred
    granted = granted + claim_once(scope, want - granted, worker, lease_ms, grants)
    if granted == want or #barred == passed_over then
      break
    end
  end
  return granted
end
