-- What may keep a graph out, and how its flow begins.

-- Was an earlier copy of this call accepted? A call is written whole, so any of its tasks tells; but of what a run adds
-- to its own flow, an earlier attempt may have added some.
local function was_accepted(answers, mode)
  local made = 0
  for _, answer in ipairs(answers) do
    made = made + (answer == 1 and 1 or 0)
  end
  return mode ~= 'push' and made >= (mode == 'join' and #answers or 1)
end

-- A flow that bears this run id and is not the one that is handed in.
local function run_conflict(user, mark, run_id)
  local known = redis.call('HGET', user_key(user, 'flows'), run_id)
  local flow = known and known ~= mark and parse_flow(redis.call('HGET', FLOWS, user .. '|' .. known))
  if flow and not (flow.state == 'l' and has_ended(flow)) then
    return 'CONFLICT run ' .. run_id
  end
end

-- What stands in the way: a parent that is not known; of a graph also a task with an id or a unique key of its tasks,
-- another flow, or that its own lacks something.
local function conflict_of(arrivals, flow, mark, run_id, mode)
  local user, kind, parent = arrivals.users[1], learn_parents(arrivals)
  if kind == '=' then
    return 'PARENT ' .. parent
  elseif mode == 'push' then
    return nil
  end
  for n, answer in ipairs(arrivals.answers) do
    if answer ~= 0 and answer ~= 1 then
      return 'CONFLICT task ' .. arrivals.flat[arrivals.first + ACCEPT_WIDTH * (n - 1) + 2]
    end
  end
  if (mode == 'join' and not (flow and flow.state == 'l')) or (mode == 'stage' and not flow) or
    (mode ~= 'join' and flow and not is_growing(flow)) or (mode ~= 'check' and parent) then
    return 'GONE ' .. run_id
  end
  return mode ~= 'join' and run_conflict(user, mark, run_id) or nil
end

-- Look at the keys that a flow has of its own (I19).
local function guard_flow(user, mark)
  guard_hashes(user_key(user, 'keys:' .. mark))
  redis.call('LLEN', user_key(user, 'flow:' .. mark))
  redis.call('LLEN', user_key(user, 'children:' .. gate_of(mark)))
end

local function lines_of_new(lines, answers)
  local added, n = {}, 0
  for line in string.gmatch(lines, '[^\n]+') do
    n = n + 1
    added[#added + 1] = answers[n] == 0 and line or nil
  end
  return table.concat(added, '\n'), #added
end

-- Write down a flow, or more of one: a line of `lines` for each task that is new.
local function open_flow(arrivals, mark, run_id, mode, lines, keys)
  local user, new = arrivals.users[1], #arrivals.answers
  if not all_new then
    lines, new = lines_of_new(lines, arrivals.answers)
  end
  local member, index = user .. '|' .. mark, user_key(user, 'flows')
  if redis.call('HEXISTS', FLOWS, member) == 0 then
    local before = redis.call('HGET', index, run_id)
    local flow = before and parse_flow(redis.call('HGET', FLOWS, user .. '|' .. before))
    if flow then
      forget_flow(user, before, flow)
    end
    flow = { state = mode == 'first' and 's' or 'l', created = string.format('%d', queue.now), tasks = 0, D = 0,
      F = 0, X = 0, C = 0, till = 0, run_id = run_id }
    redis.call('HSET', FLOWS, member, format_flow(flow))
    redis.call('HSET', index, run_id, mark)
    set_stat('flows', queue.flows + 1)
  end
  if mode == 'first' or mode == 'stage' then
    redis.call('ZADD', FLOWS_DUE, queue.now + STAGE_TTL, member)
  end
  redis.call('RPUSH', user_key(user, 'flow:' .. mark), lines)
  for key, id in string.gmatch(keys, '([^|]+)|([^|]+)') do
    redis.call('HSET', user_key(user, 'keys:' .. mark), key, id)
  end
  note_flow(user, mark, 'tasks', new)
end
