-- Runs, which here are called flows, since a run is one grant of a task: graphs of tasks that were enqueued together. A
-- flow's mark is the nonce of all its tasks' records, so that each tells which flow it belongs to. What is known of it:
--   <l or s>:<created ms>:<tasks>:<deferred>:<finished>:<failed>:<canceled>:<until ms>:<run id>
-- l: it lives; s: it is being handed in, and dropped if nobody goes on (lib/staging). until: when the last of what is
-- kept of its tasks expires, and with it what is known of the flow. As long as a task has not ended, those that have
-- are kept, whatever their time (lib/retention): their results are for it.
local FLOW = '^([ls]):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):(.*)$'
local flow_changes, settled_flows = {}, {}

local function parse_flow(text)
  local state, created, tasks, D, F, X, C, till, run_id = string.match(text or '', FLOW)
  return state and { state = state, created = created, tasks = tonumber(tasks), D = tonumber(D), F = tonumber(F),
    X = tonumber(X), C = tonumber(C), till = tonumber(till), run_id = run_id }
end

local function format_flow(flow)
  return string.format('%s:%s:%d:%d:%d:%d:%d:%d:%s', flow.state, flow.created, flow.tasks, flow.D, flow.F, flow.X,
    flow.C, flow.till, flow.run_id)
end

local function is_mark(nonce)
  return string.byte(nonce) == 103     -- g, which no hexadecimal digit is
end

local function has_ended(flow)
  return flow.F + flow.X + flow.C >= flow.tasks
end

-- Can nothing of this flow go on by itself? Then it has ended, or is stuck behind a task that failed or was canceled.
local function is_settled(flow)
  local moving = flow.tasks - flow.D - flow.F - flow.X - flow.C
  return has_ended(flow) or (moving <= 0 and flow.X + flow.C > 0)
end

-- Is this flow being handed in, and is all still there? Else it is being dropped, or some of it was canceled.
local function is_growing(flow)
  return flow.state == 's' and flow.D == flow.tasks
end

-- Can a task of this flow still go on, or may what is stuck be queued again, as long as all that failed of it is kept?
local function needs_results(user, nonce)
  local flow = is_mark(nonce) and parse_flow(redis.call('HGET', FLOWS, user .. '|' .. nonce))
  return flow and not (is_settled(flow) and flow.till <= queue.now)
end

-- Note that a flow has more (or, negative, fewer) tasks, or more that are D, F, X or C; `till`: one is kept until then.
local function note_flow(user, nonce, kind, amount, till)
  if queue.flows == 0 or not is_mark(nonce) then
    return
  end
  local change = flow_changes[nonce]
  if not change then
    change = { member = user .. '|' .. nonce, tasks = 0, D = 0, F = 0, X = 0, C = 0, till = 0 }
    flow_changes[nonce] = change
  end
  change[kind] = change[kind] + amount
  change.till = math.max(change.till, till or 0)
end

-- Write what was noted. Who waits for a flow is told when it is settled.
local function save_flows()
  local members, changes = {}, {}
  for _, change in pairs(flow_changes) do
    members[#members + 1], changes[#changes + 1] = change.member, change
  end
  local texts, fields = members[1] and redis.call('HMGET', FLOWS, unpack(members)) or {}, {}
  for i, member in ipairs(members) do
    local flow, change = parse_flow(texts[i]), changes[i]
    if flow then
      local ended = has_ended(flow)
      change.tasks = flow.state == 's' and math.max(0, change.tasks) or change.tasks     -- it is to be seen: is_growing
      for _, kind in ipairs({ 'tasks', 'D', 'F', 'X', 'C' }) do
        flow[kind] = math.max(0, flow[kind] + change[kind])
      end
      flow.till = math.max(flow.till, change.till)
      fields[#fields + 1], fields[#fields + 2] = member, format_flow(flow)
      if flow.state == 'l' and has_ended(flow) then
        redis.call('ZADD', FLOWS_DUE, flow.till, member)
      elseif flow.state == 'l' and ended then     -- a task was queued again
        redis.call('ZREM', FLOWS_DUE, member)
      end
      if is_settled(flow) then
        local user, mark = split_member(member)
        settled_flows[#settled_flows + 1] = user .. '||' .. mark
      end
    end
  end
  if #fields > 0 then
    redis.call('HSET', FLOWS, unpack(fields))
  end
  flow_changes = {}
end

local function forget_flow(user, mark, flow)
  if redis.pcall('HGET', user_key(user, 'flows'), flow.run_id) == mark then
    redis.call('HDEL', user_key(user, 'flows'), flow.run_id)
  end
  redis.call('UNLINK', user_key(user, 'flow:' .. mark), user_key(user, 'keys:' .. mark))
  redis.call('HDEL', FLOWS, user .. '|' .. mark)
  redis.call('ZREM', FLOWS_DUE, user .. '|' .. mark)
  set_stat('flows', redis.call('HLEN', FLOWS))
  flow_changes[mark] = nil
  settled_flows[#settled_flows + 1] = user .. '||' .. mark
end
