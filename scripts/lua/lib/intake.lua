-- What may keep a graph out, and how its flow begins.

local function all_made(answers)
  for _, answer in ipairs(answers) do
    if answer ~= 1 then
      return false
    end
  end
  return true
end

-- The first parent that is not known, as a refusal.
local function unknown_parent(arrivals)
  for at, link in pairs(links) do
    local unknown = arrivals.answers[answer_place(at, arrivals.first)] == 0 and
      learn_parents(link, at, arrivals.flat, arrivals.first)
    if unknown then
      return 'PARENT ' .. unknown
    end
  end
end

-- A flow that bears this run id and is not the one that is handed in.
local function run_conflict(user, mark, run_id)
  local known = redis.call('HGET', user_key(user, 'flows'), run_id)
  local flow = known and known ~= mark and parse_flow(redis.call('HGET', FLOWS, user .. '|' .. known))
  if flow and not (flow.state == 'l' and has_ended(flow)) then
    return 'CONFLICT run ' .. run_id
  end
end

-- What stands in the way of a graph: a task with an id or a unique key of its tasks, or another flow.
local function conflict_of(arrivals, mark, run_id, mode)
  local user = arrivals.users[1]
  for n, answer in ipairs(arrivals.answers) do
    if answer ~= 0 and answer ~= 1 then
      return 'CONFLICT task ' .. arrivals.flat[arrivals.first + ACCEPT_WIDTH * (n - 1) + 2]
    end
  end
  local flow = parse_flow(redis.call('HGET', FLOWS, user .. '|' .. mark))
  if mode == 'stage' and not (flow and flow.state == 's') or mode == 'join' and not (flow and flow.state == 'l') then
    return 'GONE ' .. run_id
  end
  return mode ~= 'join' and run_conflict(user, mark, run_id) or nil
end

-- Write down a flow, or more of one.
local function open_flow(user, mark, run_id, mode, tasks, lines, keys)
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
  note_flow(user, mark, 'tasks', tasks)
end
