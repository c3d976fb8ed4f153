-- A run: one grant of a task to a worker. Its facts stand in `runs` for as long as it has a lease, and nowhere else:
-- a task runs if and only if it has a lease (I4).
--   <token>:<since>:<start>:<core>:<worker> <charge> <label>
-- token: unique, rising; every write of the run must carry it. since: when the task became ready, start: when it was
-- granted (ms). core: what the task's next record begins with (lib/record), this grant's attempt counted.
-- charge: what its user was charged for it (lib/price). label: its task's name, and the cost that it declares.
local RUN = '^(%d+):(%d+):(%d+):(%d:%d+:%d+:%d+:%d+:%w*):([^ ]*) ([^ ]*) (.*)$'

local ENDING = '^%d+:%d+:%d+:(%d:%d+:%d+:(%d+):%d+:%w*):[^ ]* [^ ]* (.*)$'

-- Return token, since, start, core, worker, charge and label.
local function parse_run(text)
  return string.match(text, RUN)
end

-- Return core, how often the task was lost, and label: all that most ends of runs need, in half the time.
local function parse_ending(text)
  return string.match(text, ENDING)
end

local function worker_of(text)
  return (select(5, parse_run(text)))
end

-- Does this run still hold the lease that `token` was given with? (I6)
local function holds(text, token)
  return text and string.find(text, token .. ':', 1, true) == 1
end
