#!lua flags=allow-oom
-- Forget failed tasks of a user. Sent twice with one request id, it answers twice and acts once (I3).
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring wake last
-- takes: now, user, request id, ids (at most 100)
-- replies: how many of them had failed and are gone
local now, user, request = unpack(ARGV, 1, 3)

open_queue(now, 'scopes', 'failed', 'deferred', 'flows', 'parents', 'holding', 'releasing')
local answer = redis.call('GET', LAST .. request)
if answer then
  return tonumber(answer)
end
guard_queue()
guard_user(user)
local failed = {}
for n = 4, #ARGV do
  if redis.call('ZSCORE', user_key(user, 'failed'), ARGV[n]) then
    failed[#failed + 1] = ARGV[n]
  end
end
if #failed > 0 then
  forget_ended(user, failed)
  leave_parents(1)
  save_kept()
  save_counts()
  save_queue()
  wake_for_rest(user)
end
redis.call('SET', LAST .. request, #failed, 'PX', LAST_TTL)
return #failed
