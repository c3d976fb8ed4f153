#!lua flags=allow-oom
-- Whoever started a worker knows that it is dead: the leases of its runs lapse now, and workers are woken to reap them
-- (I9). One page of `runs` at a time. Runs with a greater token are not the dead one's but its successor's, of the same
-- name: however late this call arrives, it takes nothing from the living (I10).
-- include: keys stats run wake
-- takes: now, worker, last token granted while it lived, cursor ('0' at first), about how many runs to look at
-- replies: next cursor ('0' at the end), how many leases lapse now
local now, worker, last, cursor, count = unpack(ARGV)

now, last = open_queue(now, 'scopes'), tonumber(last)
local page = redis.call('HSCAN', RUNS, cursor, 'COUNT', count)
local lapsing, users = {}, {}
for n = 1, #page[2], 2 do
  local token, _, _, _, holder = parse_run(page[2][n + 1])
  if holder == worker and tonumber(token) <= last then
    lapsing[#lapsing + 1] = now
    lapsing[#lapsing + 1] = page[2][n]
    users[#users + 1] = split_member(page[2][n])
  end
end
if #users > 0 then
  redis.call('ZADD', LEASES, 'XX', 'LT', unpack(lapsing))
  wake_servers(users, 8)
end
save_queue()
return { page[1], #users }
