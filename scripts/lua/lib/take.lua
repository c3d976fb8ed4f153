-- Taking tasks off a user's lanes and granting them.
local LIVE = '^Q(%d):(%d+):(%d+):(%d+)(:%d+:%w*)::(%d*)|([^|]*)'
local function load_subject(label)
  local subject = subject_of(label)
  if not (counts[subject] and busy[subject]) then
    load_counts({ subject })
    load_busy({ subject })
  end
  return subject
end

local function entry_parts(entry)
  local seq, since, id = string.match(entry, '^(%d+):(%d+):(.*)')
  return seq or '0', since or '0', id or ''
end

-- Show `visit` a task that was taken off a lane, unless it may not start: it is not what its entry says, or its time to
-- start is over.
local function show_task(user, entry, seq, since, id, text, visit)
  local level, record_seq, attempt, lost, rest, last_start, label = string.match(text or '', LIVE)
  if record_seq ~= seq then
    queue.damaged = true
    if not parse_record(text) then
      bury_unreadable(user, id, text)
    end
  elseif last_start ~= '' and tonumber(last_start) <= queue.now then
    put_in_place(lane_key(user, tonumber(level)), tonumber(seq), entry)
    expire_tasks(user, { id })
  else
    visit(user, entry, since, id, level, seq, attempt, lost, rest, label, text)
  end
end

-- Take up to `want` entries off a user's lanes; `visit` gets what there is to say of each task. Returns how many were
-- taken off: one that is not its record's makes the user's count doubtful.
local function read_tasks(user, want, visit)
  if want == 1 and counts[user][3] == counts[user].ready then     -- the common case among many users: no tables
    local entry = redis.call('LPOP', lane_key(user, 3))
    if entry then
      local seq, since, id = entry_parts(entry)
      show_task(user, entry, seq, since, id, redis.call('HGET', user_key(user, 'tasks'), id), visit)
    end
    return entry and 1 or 0
  end
  local entries, ids, seqs, sinces = take_entries(user, want, queue.aging), {}, {}, {}
  if #entries == 0 then
    return 0
  end
  for i = 1, #entries do
    seqs[i], sinces[i], ids[i] = entry_parts(entries[i])
  end
  local texts = redis.call('HMGET', user_key(user, 'tasks'), unpack(ids))
  for i = 1, #ids do
    show_task(user, entries[i], seqs[i], sinces[i], ids[i], texts[i], visit)
  end
  return #entries
end

-- Grant a task: append its member, run and record to `taken`. Each grant is a new attempt (I5).
local function grant_task(taken, user, since, id, level, seq, attempt, lost, rest, label, text, charge, worker)
  local n, subject = #taken, load_subject(label)
  queue.token = queue.token + 1
  add_count(user, tonumber(level), -1)
  add_count(subject, 3, -1)
  add_busy(subject, 1)
  taken[n + 1] = user .. '|' .. id
  taken[n + 2] = queue.token .. ':' .. since .. ':' .. queue.at .. ':' .. level .. ':' .. seq .. ':' .. attempt + 1 ..
    ':' .. lost .. rest .. ':' .. worker .. ' ' .. charge .. ' ' .. label
  taken[n + 3] = text
end

local taking = {}
local function take_one(user, entry, since, id, level, seq, attempt, lost, rest, label, text)
  if lost ~= '0' and not take_suspect(taking.worker, user .. '|' .. id) then
    taking.suspects = taking.suspects or {}
    taking.suspects[#taking.suspects + 1] = entry
    taking.suspects[#taking.suspects + 1] = tonumber(level)
  else
    grant_task(taking.taken, user, since, id, level, seq, attempt, lost, rest, label, text, taking.charge,
      taking.worker)
  end
end

-- Take up to `want` of one user's tasks, each at this charge. Returns member, run and record of each, in order.
local function take_tasks(user, want, charge, worker)
  if counts[user].g then
    want = clean_lanes(user, want)
  end
  local taken, rounds = {}, 0
  taking.taken, taking.suspects, taking.charge, taking.worker = taken, nil, charge, worker
  queue.damaged = false
  repeat
    rounds = rounds + 1
    local read = read_tasks(user, want - #taken / 3, take_one)
  until read == 0 or #taken >= 3 * want or rounds == 16
  if taking.suspects then
    pass_over(user, taking.suspects, #taken < 3 * want)
  end
  if queue.damaged or (#taken < 3 * want and not taking.suspects) then     -- fewer than were counted
    recount(user)
  end
  return taken
end
