-- A task's record: one field of its user's `tasks` hash, a short header and an opaque body.
--   <state><level>:<seq>:<attempt>:<lost>:<failures>:<nonce>:<ended ms>:<until ms>|<body>
-- state: Q queued (also while it runs: `runs` tells), W scheduled, F finished, X failed, C canceled.
-- seq: its place in the lanes. attempt: grants so far. lost: of these, taken from dead workers. failures: of these,
-- ended badly. nonce: the push that made it (empty for a generated id, which is its own nonce). until: when an ended
-- record expires. The body is the call while the task lives, and the outcome once it has ended.
local HEADER = '^(%a)(%d):(%d+):(%d+):(%d+):(%d+):(%w*):(%d*):(%d*)|()'

-- Return the record's parts, or nil where the stored bytes are not a record.
local function parse_record(text)
  if not text then
    return nil
  end
  local state, level, seq, attempt, lost, failures, nonce, ended, expires, at = string.match(text, HEADER)
  if not state then
    return nil
  end
  return {
    state = state, level = tonumber(level), seq = tonumber(seq), attempt = tonumber(attempt), lost = tonumber(lost),
    failures = tonumber(failures), nonce = nonce, ended = ended, expires = expires, body = string.sub(text, at),
  }
end

local function format_record(record)
  return string.format('%s%d:%d:%d:%d:%d:%s:%s:%s|%s', record.state, record.level, record.seq, record.attempt,
    record.lost, record.failures, record.nonce, record.ended or '', record.expires or '', record.body)
end

local function is_ended(record)
  return record.state == 'F' or record.state == 'X' or record.state == 'C'
end
