-- Telling children that a parent has ended. What that means to a child is its policy's affair: one parent less to wait
-- for, its own end, or nothing (I17). Of all children in a queue, a bounded number is told in each call.
local RELEASE_MOST = 200
-- By the parent's letter, then the child's policy. What is not here goes on waiting: the parent may be queued again.
local EFFECTS = {
  F = { w = 'count', r = 'count', c = 'count', s = 'count', f = 'drop' },
  X = { r = 'count', c = 'cancel', f = 'count' },
  C = { r = 'count', c = 'cancel' },
  G = { w = 'cancel', r = 'count', c = 'cancel', s = 'drop', f = 'drop' },
}

-- Children that wait for nobody any more are ready, or wait for their time. One that has run waited for tasks that it
-- had added: now its own children hear of its end.
local function release_tasks(user, ids)
  local texts, fields = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids)), {}
  for i, id in ipairs(ids) do
    local record = parse_record(texts[i])
    if record and record.state ~= 'D' then
      if is_ended(record) then
        note_parent(user, id, record.state)
      end
    elseif record then
      add_count(user, 'd', -1)
      add_stat('deferred', -1)
      local due = tonumber(record.ended)
      note_flow(user, record.nonce, 'D', -1)
      record.ended = ''
      if due and due > queue.now then
        record.state = 'W'
        schedule(user, user .. '|' .. id, due)
      else
        line_up(user, id, record)
      end
      fields[#fields + 1], fields[#fields + 2] = id, format_record(record)
    else
      add_count(user, 'd', -1)
      add_stat('deferred', -1)
      bury_unreadable(user, id, texts[i])
    end
  end
  if #fields > 0 then
    redis.call('HSET', user_key(user, 'tasks'), unpack(fields))
  end
end

-- Remove a task that waits and will never be wanted, as a hook whose case has not come.
local function drop_waiting(user, id, record)
  withdraw_task(user, id, record)
  free_key(user, string.match(record.body, '^[^|]*'))
  redis.call('HDEL', user_key(user, 'tasks'), id)
  note_flow(user, record.nonce, 'tasks', -1)
  note_parent(user, id, 'G')
end

local function end_children(user, ids, act)
  for _, id in ipairs(ids) do
    local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
    if record and record.state == 'D' then
      act(user, id, record)
    elseif record then     -- tasks that it had added are gone
      redis.call('HDEL', user_key(user, 'waits'), id)
      note_parent(user, id, 'G')
    end
  end
end

-- Sort the edges of one parent by their effect. Returns the ids of children that wait no more, are to be canceled or
-- dropped; the fields of those that wait for one parent less, and the edges that stay.
local function sort_edges(user, letter, edges)
  local ids, seqs, policies = {}, {}, {}
  for i, edge in ipairs(edges) do
    policies[i], seqs[i], ids[i] = string.match(edge, '^(%a)(%d+):(.*)$')
    ids[i] = ids[i] or ''
  end
  local texts = redis.pcall('HMGET', user_key(user, 'waits'), unpack(ids))
  local sorted = { count = {}, cancel = {}, drop = {}, fields = {}, stay = {} }
  for i, id in ipairs(ids) do
    local seq, count = string.match(texts[i] or '', '^(%d+):(%d+)$')
    local effect = EFFECTS[letter][policies[i]]
    if seq and seq == seqs[i] then
      if not effect then
        table.insert(sorted.stay, edges[i])
      elseif effect == 'count' and tonumber(count) > 1 then
        table.insert(sorted.fields, id)
        table.insert(sorted.fields, seq .. ':' .. string.format('%d', count - 1))
      else
        table.insert(sorted[effect], id)
      end
    end
  end
  return sorted
end

-- Tell up to `most` children of an ended parent. Returns how many edges that took; `left` says how many are left.
local function tell_children(parent, most)
  local user = parent.user
  local key = user_key(user, 'children:' .. parent.id)
  parent.left = parent.left or redis.pcall('LLEN', key)
  parent.left = tonumber(parent.left) or 0     -- somebody else's key leads to no child
  local edges = parent.left > 0 and redis.call('LPOP', key, math.min(parent.left, most)) or {}
  parent.left = #edges > 0 and parent.left - #edges or 0
  if #edges == 0 then
    return 0
  end
  load_counts({ user })
  local sorted = sort_edges(user, parent.letter, edges)
  if #sorted.fields > 0 then
    redis.call('HSET', user_key(user, 'waits'), unpack(sorted.fields))
  end
  if #sorted.count > 0 then
    redis.call('HDEL', user_key(user, 'waits'), unpack(sorted.count))
    release_tasks(user, sorted.count)
  end
  end_children(user, sorted.cancel, function(_, id, record)
    cancel_waiting(user, id, record, parent.letter == 'G' and 'orphaned' or 'parent', CANCELED_TTL)
  end)
  end_children(user, sorted.drop, drop_waiting)
  if #sorted.stay > 0 then
    redis.call('RPUSH', key, unpack(sorted.stay))
  elseif parent.left == 0 and redis.call('EXISTS', key) == 0 then
    add_count(user, 'p', -1)
    add_stat('parents', -1)
  end
  return #edges
end

-- Take up a parent that an earlier call has left, unless it lives again since.
local function next_left()
  local text = queue.releasing > 0 and redis.call('LPOP', RELEASES)
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

-- Tell the children of what has ended, in this call and in earlier ones.
local function release_children()
  local budget, n = RELEASE_MOST, 1
  while budget > 0 and (ended_parents[n] or queue.releasing > 0) do
    local parent = ended_parents[n]
    budget = budget - 1
    if parent then
      budget = budget - tell_children(parent, budget)
      n = parent.left == 0 and n + 1 or n
    else
      next_left()
    end
  end
  leave_parents(n)
end
