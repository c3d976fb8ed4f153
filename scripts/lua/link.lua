#!lua
-- Add edges to a flow that is being handed in: parents of its tasks that were too many for `enqueue`. They were counted
-- there. Sent twice it acts once (I3).
-- include: keys names stats limits counts record unique lane guard parents flow weigh link staging last
-- takes: now, request id, user, mark; then per edge: child, policy, parent
-- replies: 1; refuses GONE (the flow was dropped)
local now, request, user, mark = unpack(ARGV, 1, 4)

open_queue(now, 'parents')
local member = user .. '|' .. mark
local flow = parse_flow(redis.call('HGET', FLOWS, member))
if flow and (flow.state == 'l' or redis.call('EXISTS', LAST .. request) == 1) then
  return 1
elseif not (flow and is_growing(flow)) then
  return redis.error_reply('GONE ' .. mark)
end
guard_user(user)
guard_zsets(FLOWS_DUE)
guard_hashes(COUNTS)
load_counts({ user })
local seqs = {}
for at = 5, #ARGV, 3 do
  local child, policy, parent = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  seqs[child] = seqs[child] or string.match(redis.call('HGET', user_key(user, 'waits'), child) or '', '^%d+') or '0'
  redis.call('LLEN', user_key(user, 'children:' .. parent))     -- I19
  add_edge(user, parent, policy .. seqs[child] .. ':' .. child)
end
save_links()
redis.call('ZADD', FLOWS_DUE, queue.now + STAGE_TTL, member)
redis.call('SET', LAST .. request, '1', 'PX', 10 * LAST_TTL)     -- a graph is handed in within this time
save_counts()
save_queue()
return 1
