-- A run: one grant of a task to a worker. Its facts stand in `runs` for as long as it has a lease, and nowhere else:
-- a task runs if and only if it has a lease (I4).
--   <token>:<attempt>:<since>:<start>:<seq>:<level>:<lost>:<failures>:<nonce>:<worker>
-- token: unique, rising; every write of the run must carry it. since: when the task became ready, start: when it was
-- granted (ms).
local RUN = '^(%d+):(%d+):(%d+):(%d+):(%d+):(%d):(%d+):(%d+):(%w*):(.*)$'

local function format_run(record, since, worker)
  return string.format('%d:%d:%s:%d:%d:%d:%d:%d:%s:%s', queue.token, record.attempt + 1, since, queue.now, record.seq,
    record.level, record.lost, record.failures, record.nonce, worker)
end

local function parse_run(text)
  local token, attempt, since, start, seq, level, lost, failures, nonce, worker = string.match(text, RUN)
  return {
    token = token, attempt = tonumber(attempt), since = tonumber(since), start = start, seq = tonumber(seq),
    level = tonumber(level), lost = tonumber(lost), failures = tonumber(failures), nonce = nonce, worker = worker,
  }
end

-- Does this run still hold the lease that `token` was given with? (I6)
local function holds(text, token)
  return text and string.sub(text, 1, #token + 1) == token .. ':'
end
