#!lua
-- Keep a value that a run leaves for others. One whose token is no longer the run's leaves nothing (I6); sent twice, it
-- is kept once (I3).
-- include: keys guard stats record run xcom
-- takes: now, member, token, scope ('run' or 'user'), key, ms for which it is kept, value (opaque)
-- replies: 1 kept, 0 stale
local now, member, token, scope, key, ttl, value = unpack(ARGV)

open_queue(now)
local run = redis.call('HGET', RUNS, member)
if not holds(run, token) then
  return 0
end
local user, id = split_member(member)
local core = parse_core(select(4, parse_run(run)))
local place = scope == 'user' and USER_SCOPE or scope_of(id, core.nonce)
keep_value(user, place .. ':' .. key, value, tonumber(ttl))
save_queue()
return 1
