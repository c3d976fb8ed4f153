-- Telling children that a parent has ended. What that means to a child is its policy's affair: one parent less to wait
-- for, its own end, or nothing (lib/parents). Of all children in a queue, a bounded number is told in each call.
local RELEASE_MOST = 200
local LINKED = '^D(%d):(%d+)(:%d+:%d+:%d+:(%w*)):(%d*)(:%d*|.*)$'

-- A task that waits, and whose record nobody can read.
local function bury_waiting(user, id, text)
  add_count(user, 'd', -math.min(1, counts[user].d or 0))
  add_stat('deferred', -math.min(1, queue.deferred))
  bury_unreadable(user, id, text)
end

-- A child that waits for nobody any more is ready, or waits for its time; `lanes` and `fields` collect what is to be
-- written. One that has run waited for tasks that it had added: now its own children hear of its end.
local function release_task(user, id, text, lanes, fields)
  local level, _, rest, nonce, due, tail = string.match(text or '', LINKED)
  if not level then
    local record = parse_record(text)
    if not record then
      bury_waiting(user, id, text)
      return
    end
    add_stat('holding', -1)
    if is_ended(record) then
      note_parent(user, id, record.state)
    end
    return
  end
  add_count(user, 'd', -1)
  add_stat('deferred', -1)
  note_flow(user, nonce, 'D', -1)
  local later = due ~= '' and tonumber(due) > queue.now
  if later then
    schedule(user, user .. '|' .. id, tonumber(due))
  end
  local front = later and 'W' .. level .. ':0' or 'Q' .. level .. ':' .. line_up(id, level, lanes)
  fields[#fields + 1], fields[#fields + 2] = id, front .. rest .. ':' .. tail
end

local function release_tasks(user, ids)
  local texts, lanes, fields = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), {}, {}
  for i, id in ipairs(ids) do
    release_task(user, id, texts[i], lanes, fields)
  end
  if #fields > 0 then
    redis.call('HSET', user_key(user, 'tasks'), unpack(fields))
  end
  extend_lanes(user, lanes)
end

-- Remove a task that waits and will never be wanted, as a hook whose case has not come.
local function drop_waiting(user, id, record)
  withdraw_task(user, id, record)
  free_key(user, string.match(record.body, '^[^|]*'))
  redis.call('HDEL', user_key(user, 'tasks'), id)
  note_flow(user, record.nonce, 'tasks', -1)
  note_parent(user, id, 'G')
  ended_members[#ended_members + 1] = user .. '|' .. id
end

local function end_child(user, id, effect, letter)
  local text = redis.call('HGET', user_key(user, 'tasks'), id)
  local record = parse_record(text)
  if not record then
    redis.call('HDEL', user_key(user, 'waits'), id)
    bury_waiting(user, id, text)
  elseif record.state ~= 'D' then     -- tasks that it had added are gone
    note_gone(user, id)
  elseif effect == 'drop' then
    drop_waiting(user, id, record)
  else
    cancel_waiting(user, id, record, letter == 'G' and 'orphaned' or 'parent', CANCELED_TTL)
  end
end

-- Take up to `most` edges of an ended parent; `left` says how many are left.
local function take_edges(parent, most, edges)
  local key = user_key(parent.user, 'children:' .. parent.id)
  local stays = parent.letter == 'X' or parent.letter == 'C'
  if stays and not parent.left then     -- else those that stay would be met again
    local length = redis.pcall('LLEN', key)
    parent.left = tonumber(length) or 0
  end
  local want = math.min(parent.left or most, most)
  local popped = want > 0 and redis.pcall('LPOP', key, want) or {}
  parent.left = stays and parent.left - #popped or (#popped == want and redis.call('LLEN', key)) or 0
  if #popped == 0 then     -- nobody waits for it; or the key is somebody else's
    parent.left = 0
    return 0
  end
  load_counts({ parent.user })
  for i = 1, #popped do
    local policy, seq, child = string.match(popped[i], '^(%a)(%d+):(.*)$')
    edges[#edges + 1] = { policy = policy, seq = seq, child = child or '', parent = parent, key = key,
      text = popped[i] }
  end
  return #popped
end

-- Put edges back that stay; a parent that has none any more is none.
local function keep_edges(user, staying, edges)
  local looked = {}
  for key, texts in pairs(staying) do
    redis.call('RPUSH', key, unpack(texts))
  end
  for _, edge in ipairs(edges) do
    if not looked[edge.key] then
      looked[edge.key] = true
      count_parent(user, redis.call('EXISTS', edge.key) - 1)
    end
  end
end

-- Tell the children of one user, by edges that were taken.
local function tell_children(user, edges)
  local ids, known, fields, ready, ending, staying = {}, {}, {}, {}, {}, {}
  for i, edge in ipairs(edges) do
    ids[i] = edge.child
  end
  local texts = redis.pcall('HMGET', user_key(user, 'waits'), unpack(ids))
  for i, edge in ipairs(edges) do
    local wait = known[edge.child]
    if not wait then
      local seq, count = string.match(texts[i] or '', '^(%d+):(%d+)$')
      wait = { seq = seq, count = tonumber(count), id = edge.child }
      known[edge.child] = wait
      known[#known + 1] = wait
    end
    local effect = EFFECTS[edge.parent.letter][edge.policy]
    if wait.seq and wait.seq == edge.seq and not wait.over then
      if effect == 'count' then
        wait.count, wait.less = wait.count - 1, true
        wait.over = wait.count == 0
      elseif effect then
        wait.over = true
        ending[#ending + 1] = { edge.child, effect, edge.parent.letter }
      else
        staying[edge.key] = staying[edge.key] or {}
        table.insert(staying[edge.key], edge.text)
      end
    end
  end
  for _, wait in ipairs(known) do
    if wait.less and wait.count == 0 then
      ready[#ready + 1] = wait.id
    elseif wait.less and not wait.over then
      fields[#fields + 1], fields[#fields + 2] = wait.id, wait.seq .. ':' .. string.format('%d', wait.count)
    end
  end
  if #fields > 0 then
    redis.call('HSET', user_key(user, 'waits'), unpack(fields))
  end
  if #ready > 0 then
    redis.call('HDEL', user_key(user, 'waits'), unpack(ready))
    release_tasks(user, ready)
  end
  keep_edges(user, staying, edges)
  for _, child in ipairs(ending) do
    end_child(user, unpack(child))
  end
end

-- Take up a parent that an earlier call has left, unless it lives again since.
local function next_left()
  local text = redis.call('LPOP', RELEASES)
  if not text then
    set_stat('releasing', 0)
    return
  end
  add_stat('releasing', -1)
  local letter, left, member = string.match(text, '^(%a):(%d*):(.*)$')
  local user, id = split_member(member or '')
  local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
  if (record and record.state or 'G') == letter or string.sub(id, 1, 1) == '|' then     -- else a gate
    ended_parents[#ended_parents + 1] = { user = user, id = id, letter = letter, left = tonumber(left) }
  end
end

-- Tell the children of what has ended, in this call and in earlier ones: at once of all that has, then of what that has
-- ended in its turn.
local function release_children()
  local budget, n = RELEASE_MOST, 1
  while budget > 0 and (ended_parents[n] or queue.releasing > 0) do
    local edges_of = {}
    while budget > 0 and ended_parents[n] do
      local parent = ended_parents[n]
      edges_of[parent.user] = edges_of[parent.user] or {}
      budget = budget - 1 - take_edges(parent, budget, edges_of[parent.user])
      n = parent.left == 0 and n + 1 or n
    end
    for user, edges in pairs(edges_of) do
      if #edges > 0 then
        tell_children(user, edges)
      end
    end
    if budget > 0 and not ended_parents[n] and queue.releasing > 0 then
      budget = budget - 1
      next_left()
    end
  end
  leave_parents(n)
end
