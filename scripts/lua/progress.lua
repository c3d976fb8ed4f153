#!lua flags=allow-oom
-- Note how far runs have come. One whose token is no longer the run's changes nothing (I6).
-- include: keys run
-- takes: per run: member, token, progress (opaque)
-- replies: per run 1 noted, 0 stale
local members, answers, fields = {}, {}, {}
for at = 1, #ARGV, 3 do
  members[#members + 1] = ARGV[at]
end
local texts = redis.call('HMGET', RUNS, unpack(members))
for n, member in ipairs(members) do
  local held = holds(texts[n], ARGV[3 * n - 1])
  answers[n] = held and 1 or 0
  if held then
    fields[#fields + 1] = member
    fields[#fields + 1] = ARGV[3 * n]
  end
end
if #fields > 0 then
  redis.call('HSET', PROGRESS, unpack(fields))
end
return answers
