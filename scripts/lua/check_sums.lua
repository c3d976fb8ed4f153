#!lua flags=no-writes
-- Add up what is counted of all users and of all task names, at one instant (I1).
-- include: keys stats counts audit
-- takes: how many users and names are read at most
-- replies: queued, scheduled, failed, deferred, and tasks that others wait for, by the totals; and unless there are too
--   many users and names: ready and set aside, scheduled, failed, deferred and waited for of all users, what waits by
--   name, then name (`|name`), how many of it wait, ...
open_queue('', 'queued', 'scheduled', 'failed', 'deferred', 'parents')
local reply = {}
for n, name in ipairs({ 'queued', 'scheduled', 'failed', 'deferred', 'parents' }) do
  reply[n] = number_of(queue[name])
end
local ready, sums, named, names = 0, { s = 0, x = 0, d = 0, p = 0, g = 0 }, 0, {}
local whole = visit_all(COUNTS, tonumber(ARGV[1]), function(subject, text)
  local plain = tonumber(text)
  if string.byte(subject) == 124 then
    plain = plain or 0
    named = named + plain
    names[#names + 1] = subject
    names[#names + 1] = plain
  elseif plain then
    ready = ready + plain
  else
    for kind, amount in string.gmatch(text, '(%w):(%d+)') do
      if sums[kind] then
        sums[kind] = sums[kind] + amount
      else
        ready = ready + amount
      end
    end
  end
end)
local found = { ready, sums.s, sums.x, sums.d, sums.p, named, unpack(names, 1, math.min(2000, #names)) }
for n = 1, whole and #found or 0 do
  reply[#reply + 1] = found[n]
end
return reply
