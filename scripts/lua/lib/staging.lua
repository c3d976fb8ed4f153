-- A graph that is too large for one call is handed in part by part, behind a gate: a parent that no task is. Nothing of
-- it starts before the last part is there and the gate opens. A flow that nobody goes on with is dropped.
local STAGE_TTL = 60000     -- ms that the next part may take

local function gate_of(mark)
  return '|' .. mark
end

-- Drop one part (about 150 tasks) of a flow that never started, the last one first, so that children go before their
-- parents. Returns whether there may be more.
local function drop_part(user, mark, flow)
  local lines = redis.pcall('RPOP', user_key(user, 'flow:' .. mark))
  lines = type(lines) == 'string' and lines
  load_counts({ user })
  for line in string.gmatch(lines or '', '[^\n]+') do
    local id = string.match(line, '^[^|]*')
    local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
    if record and record.nonce == mark and record.state == 'D' then
      withdraw_task(user, id, record)
      free_key(user, string.match(record.body, '^[^|]*'))
      redis.call('HDEL', user_key(user, 'tasks'), id)
      note_gone(user, id)
      ended_members[#ended_members + 1] = user .. '|' .. id
    end
  end
  forget_user(user)
  if lines then
    save_flows()     -- from now on it does not grow (lib/flow)
    return true
  end
  drop_edges(user, gate_of(mark))
  forget_flow(user, mark, flow)
  return false
end

-- Forget flows whose time is over, a few in each call; of one that never started, one part.
local function sweep_flows()
  if queue.flows == 0 then
    return
  end
  for _, member in ipairs(redis.call('ZRANGE', FLOWS_DUE, '-inf', queue.now, 'BYSCORE', 'LIMIT', 0, 3)) do
    local user, mark = split_member(member)
    local flow = parse_flow(redis.call('HGET', FLOWS, member))
    if not flow then
      redis.call('ZREM', FLOWS_DUE, member)
    elseif flow.state == 's' then
      drop_part(user, mark, flow)
      queue.unfinished = true
      break
    else
      forget_flow(user, mark, flow)
    end
  end
end
