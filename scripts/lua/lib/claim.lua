-- Choosing whom to serve and taking their tasks. Picks are computed in Lua first, then each user is touched once.
local CHARGE = 1     -- virtual time of one start: cost / weight

-- Of these users (flat: user, tag, in order of tag) choose `want` starts, always the least tag. Returns the users in
-- order of their starts, how many each got, and each one's tag afterwards. Two sorted runs are merged: users not
-- served yet, and users put back, which enter in order of tag (at the tail, with equal weights).
local function choose_users(head, want)
  local order, picks, tag_of = {}, {}, {}
  local fresh, back, first = 1, {}, 1
  while #order < want do
    local user, tag
    local again = back[first]
    if fresh < #head and not (again and again.tag < tonumber(head[fresh + 1])) then
      user, tag = head[fresh], tonumber(head[fresh + 1])
      fresh = fresh + 2
      picks[user], tag_of[user] = 0, tag
    elseif again then
      user, tag = again.user, again.tag
      first = first + 1
    else
      break
    end
    if picks[user] < counts[user].ready then
      if tag > queue.clock then
        queue.clock = tag
      end
      order[#order + 1] = user
      picks[user] = picks[user] + 1
      tag_of[user] = tag + CHARGE
      if picks[user] < counts[user].ready then
        local place = #back + 1
        while place > first and back[place - 1].tag > tag + CHARGE do
          back[place] = back[place - 1]
          place = place - 1
        end
        back[place] = { user = user, tag = tag + CHARGE }
      end
    end
  end
  return order, picks, tag_of
end

-- Take `want` of one user's tasks; ghosts are passed over, a bounded number of times. Returns member, run, record
-- triples in order.
local function take_tasks(user, want, worker)
  local taken = {}
  for _ = 1, 16 do
    local entries, ids, heads = take_entries(user, want - #taken, queue.aging), {}, {}
    if #entries == 0 then
      break
    end
    for i = 1, #entries do
      heads[i] = { parse_entry(entries[i]) }
      ids[i] = heads[i][3]
    end
    local texts = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids))
    for i = 1, #ids do
      local record = parse_record(texts[i])
      if record and record.state == 'Q' and record.seq == heads[i][1] then
        queue.token = queue.token + 1
        add_count(user, record.level, -1)
        taken[#taken + 1] = { user .. '|' .. ids[i], format_run(record, heads[i][2], worker), texts[i] }
      end
    end
    if #taken >= want then
      break
    end
  end
  return taken
end

-- Grant up to `want` tasks of the users of one list to a worker; appends member, run, record to `grants`.
local function claim_tasks(scope, want, worker, lease_ms, grants)
  local head = want > 0 and head_of(scope, want) or {}
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
  local taken, next_of, tags, leaving, runs, leases = {}, {}, {}, {}, {}, {}
  for user, wanted in pairs(picks) do
    taken[user], next_of[user] = take_tasks(user, wanted, worker), 1
    tag_of[user] = tag_of[user] - (wanted - #taken[user]) * CHARGE
    add_busy(user, #taken[user])
    if counts[user].ready > 0 then
      tags[#tags + 1] = tag_of[user]
      tags[#tags + 1] = user
    else
      leaving[#leaving + 1] = user
    end
  end
  local deadline, granted = string.format('%d', queue.now + lease_ms), 0
  for _, user in ipairs(order) do
    local grant = taken[user][next_of[user]]
    if grant then
      next_of[user] = next_of[user] + 1
      granted = granted + 1
      runs[2 * granted - 1], runs[2 * granted] = grant[1], grant[2]
      leases[2 * granted - 1], leases[2 * granted] = deadline, grant[1]
      for part = 1, 3 do
        grants[#grants + 1] = grant[part]
      end
    end
  end
  if granted > 0 then
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
