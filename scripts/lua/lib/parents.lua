-- Tasks that others wait for, and that have ended in this call: F, X or C; G: gone, they can never end any more; H: a
-- hook that is gone because it was not needed.
local ended_parents = {}
-- What that means to a child, by its policy (I17): one parent less to wait for, or its own end. What is not here goes
-- on waiting: the parent may be queued again.
local EFFECTS = {
  F = { w = 'count', r = 'count', c = 'count', s = 'count', f = 'drop' },
  X = { r = 'count', c = 'cancel', f = 'count' },
  C = { r = 'count', c = 'cancel' },
  G = { w = 'cancel', r = 'count', c = 'cancel', s = 'drop', f = 'drop' },
  H = { w = 'drop', r = 'drop', c = 'drop', s = 'drop', f = 'drop' },
}

-- So many tasks have the first that waits for them, or (negative) have none any more.
local function count_parent(user, amount)
  load_counts({ user })
  amount = math.max(amount, -(counts[user].p or 0))     -- a user may have been erased since
  add_count(user, 'p', amount)
  add_stat('parents', amount)
end

local function note_parent(user, id, letter)
  if queue.parents == 0 then
    return
  end
  if not counts[user] then
    load_counts({ user })
  end
  if (counts[user].p or 0) > 0 then
    ended_parents[#ended_parents + 1] = { user = user, id = id, letter = letter }
  end
end

-- One that has added tasks which its children are to wait for ends for them with the last of those (lib/link).
local function note_done(user, id)
  if queue.holding == 0 or redis.pcall('HEXISTS', user_key(user, 'waits'), id) ~= 1 then
    note_parent(user, id, 'F')
  end
end

-- What a task waits for that has added others counts for nothing: it is there no more, or waits anew.
local function drop_hold(user, id)
  if queue.holding > 0 and redis.pcall('HDEL', user_key(user, 'waits'), id) == 1 then
    add_stat('holding', -1)
  end
end

local function note_gone(user, id)
  drop_hold(user, id)
  note_parent(user, id, 'G')
end

-- Leave those of them whose children were not told in this call to the calls that follow: `<letter>:<left>:<member>`,
-- left being how many children there are to look at ('' where nobody has looked yet).
local function leave_parents(first)
  local left = {}
  for n = first, #ended_parents do
    local parent = ended_parents[n]
    if redis.call('EXISTS', user_key(parent.user, 'children:' .. parent.id)) == 1 then
      left[#left + 1] = parent.letter .. ':' .. (parent.left or '') .. ':' .. parent.user .. '|' .. parent.id
    end
  end
  if #left > 0 then
    redis.call('RPUSH', RELEASES, unpack(left))
    add_stat('releasing', #left)
  end
  ended_parents = {}
  if queue.releasing > 0 then
    queue.unfinished = true
  end
end

-- A task that others wait for is there no more, and neither are they.
local function drop_edges(user, id)
  if redis.call('UNLINK', user_key(user, 'children:' .. id)) == 1 then
    count_parent(user, -1)
  end
end
