#!lua flags=no-writes
-- Count the runs of each user and of each task name, at one instant, beside what is counted (I15).
-- include: keys audit
-- takes: how many runs are read at most, and how many users and names with runs
-- replies: 1 if they were read, 0 where there are too many; then of each subject that has another number of runs than
--   was counted: subject, counted, runs
local most_runs, most_subjects = tonumber(ARGV[1]), tonumber(ARGV[2])
local excess, reply = {}, { 1 }     -- subject -> runs beyond what is counted

local function add(subject, runs)
  excess[subject] = (excess[subject] or 0) + runs
end

local whole = visit_all(RUNS, most_runs, function(member, text)
  add(string.match(member, '^[^|]*'), 1)
  add('|' .. (string.match(text, '^[^ ]* [^ ]* ([^ ]*)') or ''), 1)     -- lib/run
end)
if not (whole and visit_all(BUSY, most_subjects, function(subject, counted) add(subject, -number_of(counted)) end)) then
  return { 0 }
end
for subject, runs in pairs(excess) do
  if runs ~= 0 and #reply < 3000 then
    local counted = number_of(redis.call('HGET', BUSY, subject))
    reply[#reply + 1] = subject
    reply[#reply + 1] = counted
    reply[#reply + 1] = counted + runs
  end
end
return reply
