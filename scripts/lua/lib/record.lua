-- A task's record: one field of its user's `tasks` hash, a short header and an opaque body.
--   <state><core>:<ended ms>:<until ms>|<body>,  core being  <level>:<seq>:<attempt>:<lost>:<failures>:<nonce>
-- state, of which a task has one (I1): Q queued (also while it runs: `runs` tells), W scheduled, F finished, X failed,
-- C canceled.
-- seq: its place in the lanes. attempt: grants so far. lost: of these, taken from dead workers. failures: of these,
-- ended badly. nonce: the push that made it (empty for a generated id, which is its own nonce). until: when an ended
-- record expires; of a living one, when it is canceled if it has not started. The body is the call while the task
-- lives, `<label>|<opaque bytes>`, and the outcome once it ended. A label is `<name>[ <cost>][ #<unique key>]`: the
-- task's function, the cost that it declares and the key of which there may be one, if it has them.
local CORE = '^(%d):(%d+):(%d+):(%d+):(%d+):(%w*)$'
local HEADER = '^(%a)(%d:%d+:%d+:%d+:%d+:%w*):(%d*):(%d*)|()'

-- The subject (lib/limits) of the name that a label, or a body, begins with. Few labels stand for many tasks.
local subject_by = {}
local function subject_of(text)
  local subject = subject_by[text]
  if not subject then
    subject = '|' .. string.match(text, '^[^ |]*')
    subject_by[text] = subject
  end
  return subject
end

local function parse_core(text)
  local level, seq, attempt, lost, failures, nonce = string.match(text, CORE)
  return {
    level = tonumber(level), seq = tonumber(seq), attempt = tonumber(attempt), lost = tonumber(lost),
    failures = tonumber(failures), nonce = nonce,
  }
end

-- Return the record's parts, or nil where the stored bytes are not a record.
local function parse_record(text)
  local state, core, ended, expires, at = string.match(text or '', HEADER)
  if not state then
    return nil
  end
  local record = parse_core(core)
  record.state, record.ended, record.expires, record.body = state, ended, expires, string.sub(text, at)
  return record
end

local function format_record(record)
  return string.format('%s%d:%d:%d:%d:%d:%s:%s:%s|%s', record.state, record.level, record.seq, record.attempt,
    record.lost, record.failures, record.nonce, record.ended or '', record.expires or '', record.body)
end

local function is_ended(record)
  return record.state == 'F' or record.state == 'X' or record.state == 'C'
end
