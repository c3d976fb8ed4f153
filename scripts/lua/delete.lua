#!lua flags=allow-oom
-- Remove a task and all that is kept of it, whatever its state; one that is running is refused. Sent twice with one
-- request id, it says twice that it removed it (I3).
-- include: keys names stats limits counts record lane who ring wake ghosts
-- takes: now, user, id, request id
-- replies: 1 removed, 0 not known; refuses RUNNING
local now, user, id, request = unpack(ARGV)
local DONE_TTL = 60000     -- ms: longer than anybody goes on sending again

open_queue(now, 'scopes', 'rules', 'queued', 'scheduled', 'failed')
read_rules()
local tasks, member = user_key(user, 'tasks'), user .. '|' .. id
local text = redis.call('HGET', tasks, id)
if not text then
  return redis.call('EXISTS', LAST .. request)
end
if redis.call('HEXISTS', RUNS, member) == 1 then
  return redis.error_reply('RUNNING the task is running')
end

local record = parse_record(text) or { state = '?' }
local name = string.match(record.body or '', '^([^ |]*)')
load_counts({ user, '|' .. (name or '') })
if record.state == 'Q' then
  if not drop_entry(user, record.level, record.seq) and counts[user].h then
    drop_entry(user, record.level, record.seq, name)
    add_count(user, 'h', -1)
  else
    add_count(user, record.level, -1)
  end
  add_stat('queued', -1)
  if counts[user].ready == 0 then
    load_busy({ user })
    leave_ring({ user }, { [user] = tonumber(redis.call('ZSCORE', RING, user)) or 0 })
    redis.call('HDEL', HELD, user)
    if counts[user].g then
      drop_ghosts(user)
    end
  end
elseif record.state == 'W' then
  redis.call('ZREM', DUE, member)
  add_count(user, 's', -1)
  add_stat('scheduled', -1)
elseif record.state == 'X' then
  redis.call('LREM', user_key(user, 'failed'), 1, id)
  add_count(user, 'x', -1)
  add_stat('failed', -1)
end
if record.state == 'Q' or record.state == 'W' then
  add_count('|' .. name, 3, -1)
end
redis.call('HDEL', tasks, id)
redis.call('SET', LAST .. request, '1', 'PX', DONE_TTL)
forget_user(user)
wake_waiters({ member })
save_counts()
save_queue()
return 1
