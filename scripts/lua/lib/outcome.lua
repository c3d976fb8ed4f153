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
  if not e.lost then
    refunds[e.user] = (refunds[e.user] or 0) + 1
  end
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
  redis.call('HSET', tasks, e.id, format_record(record))
end

-- What there is to say of a run that ends, without how it ended.
local function read_end(member, user, id, text)
  local _, since, core, worker = parse_run(text)
  return { member = member, user = user, id = id, since = since, core = core, worker = worker,
    suspect = not string.find(core, '^%d:%d+:%d+:0:') }
end

-- Apply outcomes: what `read_end` says with kind, argument and text, and `lost` where the worker died. D, done, is most
-- of them:
-- the result takes the place of the call, kept for `argument` ms. F <- run
local function apply_outcomes(ends)
  local fields_of, members, done = {}, {}, 0
  for n, e in ipairs(ends) do
    members[n] = e.member
    add_busy(e.user, -1)
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

-- Apply the outcomes in ARGV from place `first` on, five values each: member, token, kind, argument, text. An outcome
-- whose token is no longer the run's changes nothing (I6, I7). Returns the places of these, `,` between.
local function accept_outcomes(first)
  local members = {}
  for at = first, #ARGV, 5 do
    members[#members + 1] = ARGV[at]
  end
  if #members == 0 then
    return ''
  end
  local texts, ends, users, stale, settled = redis.call('HMGET', RUNS, unpack(members)), {}, {}, {}, {}
  for n, member in ipairs(members) do
    local at = first + 5 * (n - 1)
    if holds(texts[n], ARGV[at + 1]) and not settled[member] then
      settled[member] = true
      local user, id = split_member(member)
      local end_of = read_end(member, user, id, texts[n])
      end_of.kind, end_of.argument, end_of.text = ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
      users[#users + 1] = user
      ends[#ends + 1] = end_of
    else
      stale[#stale + 1] = n - 1
    end
  end
  if #ends > 0 then
    load_counts(users)
    load_busy(users)
    apply_outcomes(ends)
  end
  return table.concat(stale, ',')
end
