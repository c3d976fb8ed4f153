#!lua flags=allow-oom
-- Look at users anew that are held: settings that stand for all have changed.
-- include: keys guard names stats limits counts record lane ring hold wake due close
-- takes: now, wake limit, users (at most 1,000)
-- replies: how many of them were held
local now, wake_limit = unpack(ARGV, 1, 2)

open_queue(now, 'scopes', 'rules', 'queued')
read_rules()
guard_queue()
local users = { unpack(ARGV, 3) }
load_limits(users)     -- buckets that were written under another rate are written anew
save_buckets()
free_users(users)
count_limited()
join_ring(joining)
close_queue(tonumber(wake_limit))
return #joining
