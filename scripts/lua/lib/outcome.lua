-- How runs end. Each way turns a run into the task's next record; what they share (leases, slots, totals, waiters) is
-- written once for the whole batch.
local ended_members, ended_by_minute = {}, {}

-- Note that a task has ended and is kept for `ttl` ms; return the two instants as its record has them.
local terms = {}
local function end_task(member, ttl)
  local term = terms[ttl]
  if not term then
    local expires = queue.now + ttl
    local minute = minute_of(expires)
    ended_by_minute[minute] = ended_by_minute[minute] or {}
    term = { instants = string.format('%d:%d', queue.now, expires), members = ended_by_minute[minute] }
    terms[ttl] = term
  end
  term.members[#term.members + 1] = member
  ended_members[#ended_members + 1] = member
  return term.instants
end

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
  record.state = 'X'
  record.failures = record.failures + (e.lost and 0 or 1)
  record.body = #e.text .. ':' .. e.text .. record.body
  record.ended, record.expires = string.match(end_task(e.member, e.argument), '(%d+):(%d+)')
  redis.call('RPUSH', user_key(e.user, 'failed'), e.id)
  add_count(e.user, 'x', 1)
  add_stat('failed', 1)
  add_stat('failed_total', 1)
end

-- L: given back in its own place, no retry spent. Q <- run
local function release_run(record, e)
  record.state = 'Q'
  give_back(e.user, record.level, record.seq, e.since, e.id)
  make_ready(e.user, record.level, 1)
end

local WAYS = { P = postpone_run, R = retry_run, B = bury_run, L = release_run }

-- Apply an outcome that keeps the task's call: its record is read, changed and written.
local function change_run(e)
  local tasks = user_key(e.user, 'tasks')
  local record = parse_core(e.core)
  record.lost = record.lost + (e.lost and 1 or 0)
  local stored = parse_record(redis.call('HGET', tasks, e.id))
  record.body = stored and stored.body or ''
  WAYS[e.kind](record, e)
  if e.kind ~= 'B' then
    add_count(e.subject, 3, 1)
  end
  redis.call('HSET', tasks, e.id, format_record(record))
end

-- What there is to say of a run that ends.
local function read_end(member, text, kind, ran, argument, body)
  local user, id = split_member(member)
  local _, since, start, core, worker, charge, label = parse_run(text)
  return { kind = kind, ran = ran, argument = argument, text = body, user = user, id = id, since = since,
    start = start, core = core, worker = worker, charge = charge, member = member, subject = subject_of(label),
    suspect = not string.find(core, '^%d:%d+:%d+:0:') }
end

-- Correct what users were charged at the start of these runs. What was given back before it ran costs nothing, and its
-- tokens go back too. With `time` the price is what the run took (`ran`, us; no more than has passed since its start),
-- or all that has passed if nobody says, as of a dead worker's; and the mean of its name learns from it.
local function correct_charges(ends)
  local names = {}
  for i = 1, rules.cost == 'time' and #ends or 0 do
    names[i] = string.sub(ends[i].subject, 2)
  end
  load_means(names)
  local unspent = {}
  for i, e in ipairs(ends) do
    local unused = e.kind == 'L' and e.ran == '0'
    if unused then
      spend(e.user, -1)
      spend(e.subject, -1)
      spend(WHOLE, -1)
      unspent[#unspent + 1] = e.user
    end
    if unused or rules.cost == 'time' then
      local cost, weight = parse_charge(e.charge)
      local passed = queue.now - tonumber(e.start) + 1
      local price = math.min((tonumber(e.ran) or passed * 1000) / 1000, passed)
      shift_tag(e.user, (price - cost) / weight)
      if e.kind ~= 'L' and not e.lost then
        learn_time(names[i], price)
      end
    end
  end
  free_users(unspent, 'r')
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
      drop_suspect(e.worker, e.member)
    end
    if e.kind == 'D' then
      local fields = fields_of[e.user]
      if not fields then
        fields = {}
        fields_of[e.user] = fields
      end
      done = done + 1
      fields[#fields + 1] = e.id
      fields[#fields + 1] = 'F' .. e.core .. ':' .. end_task(e.member, e.argument) .. '|' .. e.text
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
    if holds(texts[n], ARGV[at + 1]) and not settled[member] then
      settled[member] = true
      local e = read_end(member, texts[n], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5])
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
