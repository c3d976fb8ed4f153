-- How runs end. Each way turns a run into the task's next record; what they share (leases, slots, totals, waiters) is
-- written once for the whole batch.
local ended_members, ended_by_minute = {}, {}

-- The task's record has been read when it is needed: a finished task's body is replaced, all others keep theirs.
local function record_after(run, text, state)
  local record = parse_record(text) or { body = '' }
  record.state, record.level, record.seq, record.nonce = state, run.level, run.seq, run.nonce
  record.attempt, record.lost, record.failures = run.attempt, run.lost, run.failures
  return record
end

local function end_record(record, member, ttl)
  record.ended = string.format('%d', queue.now)
  record.expires = string.format('%d', queue.now + ttl)
  local minute = minute_of(queue.now + ttl)
  ended_by_minute[minute] = ended_by_minute[minute] or {}
  table.insert(ended_by_minute[minute], member)
  ended_members[#ended_members + 1] = member
end

-- D: done, the result is kept for `argument` ms. F <- run
local function finish_run(record, user, id, argument, text)
  record.state, record.body = 'F', text
  end_record(record, user .. '|' .. id, tonumber(argument))
  add_stat('finished_total', 1)
end

-- P: could not be run here, to be tried again in `argument` ms; no retry is spent. W <- run
local function postpone_run(record, user, id, argument)
  record.state = 'W'
  redis.call('ZADD', DUE, queue.now + tonumber(argument), user .. '|' .. id)
  add_count(user, 's', 1)
  add_stat('scheduled', 1)
end

-- R: failed, to be tried again in `argument` ms. W <- run
local function retry_run(record, user, id, argument)
  record.failures = record.failures + 1
  postpone_run(record, user, id, argument)
  add_stat('retried_total', 1)
end

-- B: failed for good, kept with its error among the dead letters for `argument` ms. X <- run
local function bury_run(record, user, id, argument, text)
  record.state, record.failures = 'X', record.failures + 1
  record.body = #text .. ':' .. text .. record.body
  end_record(record, user .. '|' .. id, tonumber(argument))
  redis.call('RPUSH', user_key(user, 'failed'), id)
  add_count(user, 'x', 1)
  add_stat('failed', 1)
  add_stat('failed_total', 1)
end

-- L: given back in its own place, no retry spent. Q <- run
local function release_run(record, user, id, _, _, since)
  record.state = 'Q'
  give_back(user, record.level, record.seq, since, id)
  make_ready(user, record.level, 1)
end

local WAYS = { D = finish_run, R = retry_run, P = postpone_run, B = bury_run, L = release_run }

-- Apply one outcome to each of these runs; `ends` are tables of user, id, run, kind, argument, text.
local function apply_outcomes(ends)
  local by_user, members = {}, {}
  for _, e in ipairs(ends) do
    by_user[e.user] = by_user[e.user] or {}
    table.insert(by_user[e.user], e)
    members[#members + 1] = e.user .. '|' .. e.id
  end
  for user, own in pairs(by_user) do
    local fields, kept = {}, {}
    for _, e in ipairs(own) do
      if e.kind ~= 'D' then
        kept[#kept + 1] = e.id
      end
    end
    local texts = #kept > 0 and redis.call('HMGET', user_key(user, 'tasks'), unpack(kept)) or {}
    local k = 0
    for _, e in ipairs(own) do
      k = k + (e.kind ~= 'D' and 1 or 0)
      local record = record_after(e.run, e.kind ~= 'D' and texts[k], 'Q')
      WAYS[e.kind](record, user, e.id, e.argument, e.text, e.run.since)
      fields[#fields + 1] = e.id
      fields[#fields + 1] = format_record(record)
    end
    redis.call('HSET', user_key(user, 'tasks'), unpack(fields))
    add_busy(user, -#own)
  end
  redis.call('HDEL', RUNS, unpack(members))
  redis.call('ZREM', LEASES, unpack(members))
end

-- Apply the outcomes in ARGV from place `first` on, five values each: member, token, kind, argument, text. An outcome
-- whose token is no longer the run's changes nothing (I6, I7). Returns the places of these, `,` between.
local function accept_outcomes(first)
  local members, ends, users, stale = {}, {}, {}, {}
  for at = first, #ARGV, 5 do
    members[#members + 1] = ARGV[at]
  end
  if #members == 0 then
    return ''
  end
  local texts, settled = redis.call('HMGET', RUNS, unpack(members)), {}
  for n = 1, #members do
    local at = first + 5 * (n - 1)
    if holds(texts[n], ARGV[at + 1]) and not settled[members[n]] then
      settled[members[n]] = true
      local user, id = split_member(members[n])
      users[#users + 1] = user
      ends[#ends + 1] = { user = user, id = id, run = parse_run(texts[n]), kind = ARGV[at + 2],
        argument = ARGV[at + 3], text = ARGV[at + 4] }
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
