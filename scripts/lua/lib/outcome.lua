-- How runs end. Each way turns a run into the task's next record; what they share (leases, slots, totals, waiters) is
-- written once for the whole batch.

-- P: could not be run here, to be tried again in `argument` ms; no retry is spent. W <- run
local function postpone_run(record, e)
  record.state = 'W'
  schedule(e.user, e.member, queue.now + tonumber(e.argument))
end

-- R: failed, to be tried again in `argument` ms. W <- run
local function retry_run(record, e)
  record.failures = record.failures + 1
  postpone_run(record, e)
  add_stat('retried_total', 1)
end

-- B: failed for good, kept with its error among the dead letters for `argument` ms. X <- run
local function bury_run(record, e)
  record.failures = record.failures + (e.lost and 0 or 1)
  bury_task(e.user, e.id, record, e.text, e.argument)
end

-- C: ended because somebody had canceled it, kept for `argument` ms. C <- run
local function cancel_run(record, e)
  cancel_task(e.user, e.id, record, e.text, e.argument)
end

-- L: given back in its own place, no retry spent. Q <- run
local function release_run(record, e)
  record.state = 'Q'
  local _, since = parse_run(e.run)
  give_back(e.user, record.level, record.seq, since, e.id)
  make_ready(e.user, record.level, 1)
end

local WAYS = { P = postpone_run, R = retry_run, B = bury_run, L = release_run, C = cancel_run }

-- Apply an outcome that keeps the task's call: its record is read, changed and written. Until when it must have started
-- is forgotten as soon as it has.
local function change_run(e)
  local tasks = user_key(e.user, 'tasks')
  local record = parse_core(e.core)
  record.lost = record.lost + (e.lost and 1 or 0)
  local stored = parse_record(redis.call('HGET', tasks, e.id)) or { body = '' }
  record.body = stored.body
  record.expires = (e.kind == 'P' or e.ran == '0') and stored.expires or ''
  WAYS[e.kind](record, e)
  if not is_ended(record) then
    add_count(e.subject, 3, 1)
    if record.expires ~= '' then
      note_due(e.user, e.member .. '|', tonumber(record.expires))
    end
  end
  local text = format_record(record)
  if is_ended(record) then
    add_bytes(e.user, #text)
  end
  redis.call('HSET', tasks, e.id, text)
end

-- What there is to say of a run that ends; nil where its facts cannot be read.
local function read_end(member, run, kind, ran, argument, text)
  local core, lost, label = parse_ending(run)
  if core then
    local user, id = split_member(member)
    return { kind = kind, ran = ran, argument = argument, text = text, run = run, user = user, id = id, core = core,
      member = member, subject = subject_of(label), label = label, suspect = lost ~= '0' }
  end
end

-- Apply outcomes as `read_end` has them, with `lost` where the worker died. D, done, is most of them: the result takes
-- the place of the call, kept for `argument` ms. F <- run
local function apply_outcomes(ends)
  local fields_of, members, done = {}, {}, 0
  for n, e in ipairs(ends) do
    members[n] = e.member
    add_busy(e.user, -1)
    add_busy(e.subject, -1)
    if e.suspect then
      drop_suspect(worker_of(e.run), e.member)
    end
    if e.kind == 'D' then
      local fields = fields_of[e.user]
      if not fields then
        fields = {}
        fields_of[e.user] = fields
      end
      done = done + 1
      local text = 'F' .. e.core .. ':' .. keep_task(e.user, e.id, e.member, e.label, e.argument) .. '|' .. e.text
      fields[#fields + 1] = e.id
      fields[#fields + 1] = text
      add_bytes(e.user, #text)
      if queue.flows > 0 then
        local mark = string.find(e.core, ':g', 1, true)
        if mark then
          note_flow(e.user, string.sub(e.core, mark + 1), 'F', 1, queue.now + e.argument)
        end
      end
      note_done(e.user, e.id)
    else
      change_run(e)
    end
  end
  for user, fields in pairs(fields_of) do
    redis.call('HSET', user_key(user, 'tasks'), unpack(fields))
  end
  add_stat('finished_total', done)
  redis.call('HDEL', RUNS, unpack(members))
  redis.call('ZREM', LEASES, unpack(members))
  redis.call('HDEL', PROGRESS, unpack(members))
end

-- Make everything available that outcomes change, correct the charges, apply them, and free users that a slot was for.
local function end_runs(ends, users)
  local subjects = {}
  for i = 1, #ends do
    subjects[i] = ends[i].subject
    open_name(string.sub(subjects[i], 2))
  end
  load_counts(users)
  load_busy(users)
  load_busy(subjects)
  load_counts(subjects)
  load_limits(users)
  load_limits(subjects)
  load_limits({ WHOLE })
  end_stops(ends)
  correct_charges(ends)
  apply_outcomes(ends)
  free_users(users, 'c')
end

-- Apply the outcomes in ARGV from place `first` on, six values each: member, token, kind, ran, argument, text. An
-- outcome whose token is no longer the run's changes nothing (I6, I7). Returns the places of these, `,` between.
local function accept_outcomes(first)
  local members = {}
  for at = first, #ARGV, 6 do
    members[#members + 1] = ARGV[at]
  end
  if #members == 0 then
    return ''
  end
  local texts, ends, users, stale, settled = redis.call('HMGET', RUNS, unpack(members)), {}, {}, {}, {}
  for n, member in ipairs(members) do
    local at = first + 6 * (n - 1)
    local e = holds(texts[n], ARGV[at + 1]) and not settled[member]
      and read_end(member, texts[n], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
    if e then
      settled[member] = true
      users[#users + 1] = e.user
      ends[#ends + 1] = e
    else
      stale[#stale + 1] = n - 1
    end
  end
  if #ends > 0 then
    end_runs(ends, users)
  end
  return table.concat(stale, ',')
end
