-- Telling children that a parent has ended. What that means to a child is its policy's affair (lib/parents): one parent
-- less to wait for, its own end, or nothing (I17). Of all children in a queue, a bounded number is told in each call.
local RELEASE_MOST = 200
local LINKED = '^D(%d):%d+(:%d+:%d+:%d+:(%w*)):(%d*):(%d*|.*)$'

-- A task that waits, and whose record nobody can read.
local function bury_waiting(user, id, text)
  add_count(user, 'd', -math.min(1, counts[user].d or 0))
  add_stat('deferred', -math.min(1, queue.deferred))
  bury_unreadable(user, id, text)
end

-- One that has run waited for tasks that it had added: now its own children hear of its end.
local function release_ended(user, id, text)
  local record = parse_record(text)
  if not record then
    bury_waiting(user, id, text)
    return
  end
  add_stat('holding', -1)
  if is_ended(record) then
    note_parent(user, id, record.state)
  end
end

-- Children that wait for nobody any more are ready, or wait for their time.
local function release_tasks(user, ids)
  local texts, lanes, fields = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), {}, {}
  for i, id in ipairs(ids) do
    local level, rest, nonce, due, tail = string.match(texts[i] or '', LINKED)
    if level then
      local front
      if due ~= '' and tonumber(due) > queue.now then
        schedule(user, user .. '|' .. id, tonumber(due))
        front = 'W' .. level .. ':0'
      else
        front = 'Q' .. level .. ':' .. line_up(id, level, lanes)
      end
      fields[#fields + 1], fields[#fields + 2] = id, front .. rest .. '::' .. tail
      note_flow(user, nonce, 'D', -1)
    else
      release_ended(user, id, texts[i])
    end
  end
  if #fields > 0 then
    redis.call('HSET', user_key(user, 'tasks'), unpack(fields))
    add_count(user, 'd', -#fields / 2)
    add_stat('deferred', -#fields / 2)
  end
  extend_lanes(user, lanes)
end

-- Remove a task that waits and will never be wanted, as a hook whose case has not come.
local function drop_waiting(user, id, record)
  withdraw_task(user, id, record)
  free_key(user, string.match(record.body, '^[^|]*'))
  redis.call('HDEL', user_key(user, 'tasks'), id)
  note_flow(user, record.nonce, 'tasks', -1)
  note_parent(user, id, 'H')
  forget_user(user)
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

-- Take up to `most` edges of an ended parent into `edges`: text, parent, ...; `left` says how many are left.
local function take_edges(parent, most, edges)
  local key = user_key(parent.user, 'children:' .. parent.id)
  local stays = parent.letter == 'X' or parent.letter == 'C'
  parent.stays = stays
  if stays and not parent.left then     -- else those that stay would be met again
    parent.left = tonumber(redis.pcall('LLEN', key)) or 0
  end
  local want = math.min(parent.left or most, most)
  local popped = want > 0 and redis.pcall('LPOP', key, want) or {}
  if #popped == 0 then     -- nobody waits for it; or the key is somebody else's
    parent.left = 0
    return 0
  end
  parent.key, parent.left = key, stays and parent.left - #popped or (#popped == want and redis.call('LLEN', key)) or 0
  for i = 1, #popped do
    edges[#edges + 1], edges[#edges + 2] = popped[i], parent
  end
  return #popped
end

-- Put the edges of a parent back that stay (they wait for its second life). One that has none any more is no parent.
local function keep_edges(user, parents)
  local gone = 0
  for parent in pairs(parents) do
    if parent.stay then
      redis.call('RPUSH', parent.key, unpack(parent.stay))
      parent.stay = nil
    elseif parent.left == 0 and (not parent.stays or redis.call('EXISTS', parent.key) == 0) then
      gone = gone + 1
    end
  end
  count_parent(user, -gone)
end

-- What edges do to the children of one user. Returns for how many each waits yet (false: for none) and the seq of that,
-- the ids that wait no more, those that end, with how, and the parents. An edge of another seq is of an earlier life.
local function weigh_edges(edges, children, seqs, policies, texts)
  local waits, seq_of, ready, ending, parents = {}, {}, {}, {}, {}
  for i, child in ipairs(children) do
    local parent = edges[2 * i]
    parents[parent] = true
    if waits[child] == nil then
      local seq, count = string.match(texts[i] or '', '^(%d+):(%d+)$')
      waits[child], seq_of[child] = tonumber(count) or false, seq
    end
    local wait = waits[child]
    local lives = wait and seq_of[child] == seqs[i]
    local effect = lives and EFFECTS[parent.letter][policies[i]]
    if effect == 'count' then
      wait = wait - 1
      if wait == 0 then
        ready[#ready + 1], wait = child, false
      end
    elseif effect then
      ending[#ending + 1], wait = { child, effect, parent.letter }, false
    elseif lives then
      parent.stay = parent.stay or {}
      table.insert(parent.stay, edges[2 * i - 1])
    end
    waits[child] = wait
  end
  return waits, seq_of, ready, ending, parents
end

-- Tell the children of one user, by edges that were taken.
local function tell_children(user, edges)
  local children, seqs, policies, fields = {}, {}, {}, {}
  for i = 1, #edges / 2 do
    policies[i], seqs[i], children[i] = string.match(edges[2 * i - 1], '^(%a)(%d+):(.*)$')
    children[i] = children[i] or ''
  end
  local texts = redis.pcall('HMGET', user_key(user, 'waits'), unpack(children))
  local waits, seq_of, ready, ending, parents = weigh_edges(edges, children, seqs, policies, texts)
  for child, count in pairs(waits) do
    if count then
      fields[#fields + 1], fields[#fields + 2] = child, seq_of[child] .. ':' .. count
    end
  end
  if #fields > 0 then
    redis.call('HSET', user_key(user, 'waits'), unpack(fields))
  end
  load_counts({ user })
  if #ready > 0 then
    redis.call('HDEL', user_key(user, 'waits'), unpack(ready))
    release_tasks(user, ready)
  end
  keep_edges(user, parents)
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
  local gone = letter == 'G' or letter == 'H' or string.sub(id, 1, 1) == '|'     -- a gate
  if record and record.state == letter or not record and gone then
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
