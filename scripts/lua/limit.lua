#!lua flags=allow-oom
-- Set weight and caps of a subject (lib/limits): they are in force from the next claim on, for all that waits.
-- include: keys guard names stats limits counts record unique lane parents flow who retention ring hold wake run
-- include: suspect fate stop ghosts waiting park due close
-- takes: now, subject, mode, wake limit; field, value, ... (an empty value takes a field away)
--   mode: set changes these fields; seed gives them all, if nothing but a seed stands there; reset takes all away
-- replies: what is in force now, `field=value;...` (lib/limits)
local now, subject, mode, wake_limit = unpack(ARGV, 1, 4)

open_queue(now, 'seq', 'scopes', 'rules', 'aging', 'queued', 'failed', 'failed_total', 'flows',
  'parents', 'holding', 'releasing')
read_rules()
local text = redis.call('HGET', LIMITS, subject)
local old, fields = text and parse_limits(text) or {}, {}
if mode == 'seed' and text and not old.seed then
  return text
end
for name, value in string.gmatch(mode == 'set' and text or '', '([%a_]+)=([^;]*)') do
  fields[name] = name ~= 'seed' and value or nil
end
local lasting = old.seed or text == ''
for at = 5, #ARGV, 2 do
  lasting = lasting or ARGV[at] ~= 'paused'
  fields[ARGV[at]] = ARGV[at + 1] ~= '' and ARGV[at + 1] or nil
end
local others = not is_name(subject) and subject ~= '*' and redis.call('HGET', LIMITS, '*') or ''
if fields.paused == '0' and not parse_limits(others).paused then
  fields.paused = nil
end

guard_queue()
local parts = {}
for name, value in pairs(fields) do
  parts[#parts + 1] = name .. '=' .. value .. ';'
end
table.sort(parts)
-- An empty record keeps a seed from giving what was taken away; the end of a pause leaves none.
local new = mode ~= 'reset' and (#parts > 0 or lasting) and table.concat(parts) or nil
if new then
  redis.call('HSET', LIMITS, subject, new)
else
  redis.call('HDEL', LIMITS, subject)
end
change_rate(subject, parse_limits(others .. (text or '')), parse_limits(others .. (new or '')))
local of_name = is_name(subject) and subject ~= WHOLE
local parked = of_name and redis.call('ZSCORE', PARKED, string.sub(subject, 2))     -- then it stays counted
rules.named = rules.named + (of_name and not parked and (new and 1 or 0) - (text and 1 or 0) or 0)
count_limited()

if subject == WHOLE then
  readied = redis.call('ZRANGE', RING, 0, 99)
  load_counts(readied)
elseif of_name then
  open_name(string.sub(subject, 2))
  unpark_tasks()
else
  free_users({ subject })
end
save_kept()
join_ring(joining)
close_queue(tonumber(wake_limit))
return others .. (new or '')
