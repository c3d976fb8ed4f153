#!lua flags=no-writes
-- Add up what is counted of all users and of all task names, at one instant (I1).
-- include: keys stats counts audit
-- takes: how many users and names are read at most
-- replies: queued, scheduled, failed by the totals; and unless there are too many users and names: ready and set aside,
--   scheduled, failed of all users, what waits by name, then name (`|name`), how many of it wait, ...
open_queue('', 'queued', 'scheduled', 'failed')
local reply, sums, named, names = { queue.queued, queue.scheduled, queue.failed }, { s = 0, x = 0, g = 0 }, 0, {}
local ready = 0
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
for _, value in ipairs(whole and { ready, sums.s, sums.x, named, unpack(names, 1, math.min(2000, #names)) } or {}) do
  reply[#reply + 1] = value
end
return reply
