#!lua flags=no-writes
-- Look at who waits for whom among one user's tasks, at one instant: each must be led to by as many edges as are
-- counted that it waits for (I17).
-- include: keys stats counts record flow link audit
-- takes: user, how many tasks and flows, and how many edges, are read at most
-- replies: 1 if they were read, 0 where there are too many; tasks that others wait for: counted, and there; tasks that
--   wait for others that they have added: here, and counted in the whole queue; then fault, id, ...
local user, most, most_edges = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

open_queue('', 'holding', 'releasing')
load_counts({ user })
local parents, edges_to, edges, lists = {}, {}, 0, 0

-- Who may be waited for: tasks, gates of flows (lib/staging), what has ended and tells it yet; false for too many.
local function find_parents()
  local tasks, flows = user_key(user, 'tasks'), user_key(user, 'flows')
  if math.max(redis.call('HLEN', tasks), redis.call('HLEN', flows), redis.call('LLEN', RELEASES)) > most then
    return false
  end
  for _, id in ipairs(redis.call('HRANDFIELD', tasks, most)) do
    parents[id] = true
  end
  local marks = redis.call('HRANDFIELD', flows, most, 'WITHVALUES')
  for n = 2, #marks, 2 do
    parents['|' .. marks[n]] = true
  end
  for _, text in ipairs(redis.call('LRANGE', RELEASES, 0, most - 1)) do
    local whose, id = split_member(string.match(text, '^%a:%d*:(.*)$') or '')
    parents[id] = whose == user or parents[id]
  end
  return true
end

-- Count the edges that lead to each life of a task; false where there are too many.
local function count_edges()
  for id in pairs(parents) do
    local key = user_key(user, 'children:' .. id)
    local length = redis.call('LLEN', key)
    lists, edges = lists + math.min(1, length), edges + length
    if edges > most_edges then
      return false
    end
    for _, entry in ipairs(length > 0 and redis.call('LRANGE', key, 0, length) or {}) do
      local child = string.match(entry, '^%a(.*)$') or ''
      edges_to[child] = (edges_to[child] or 0) + 1
    end
  end
  return true
end

-- Is this task's flow being handed in, so that edges may follow?
local function is_staged(id)
  local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
  local flow = record and parse_flow(redis.call('HGET', FLOWS, user .. '|' .. record.nonce))
  return flow and flow.state == 's'
end

local function fault_of(id, text)
  local seq, count = string.match(text, '^(%d+):(%d+)$')
  local there = seq and edges_to[seq .. ':' .. id] or 0
  if redis.call('HEXISTS', user_key(user, 'tasks'), id) == 0 then
    return 'taskless'
  elseif not seq or (there < tonumber(count) and not is_staged(id)) then
    return 'unreleased'
  end
  return there > tonumber(count) and 'early' or nil
end

if not find_parents() or not count_edges() then
  return { 0 }
end
local waits = redis.call('HLEN', user_key(user, 'waits'))
local reply = { 1, counts[user].p or 0, lists, waits - (counts[user].d or 0), queue.holding }
local whole = visit_all(user_key(user, 'waits'), most, function(id, text)
  local fault = fault_of(id, text)
  if fault then
    reply[#reply + 1], reply[#reply + 2] = fault, id
  end
end)
return whole and reply or { 0 }
