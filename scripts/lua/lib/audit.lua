-- Comparing what is counted and listed with the records that stand for it. Nothing here writes.
local AUDIT_NAMES = 50         -- names with tasks set aside that are looked through for one user
-- Records that are looked for in a lane, times its length: a search takes 35 us in a lane of 40,000, 75 us in one of
-- 200,000 and 0.26 ms in one of a million (measured), so that a call stays below 4 ms.
local AUDIT_STEPS = 8000000
local AUDIT_EDGES = 20         -- children of an ended task that are looked at

-- What is kept as a number, and -1 where it is none.
local function number_of(text)
  return tonumber(text or 0) or -1
end

-- Has this lane an entry of this seq?
local function has_entry(lane, seq)
  local _, entry = find_place(lane, seq)
  return entry ~= nil and parse_entry(entry) == seq
end

-- Where a task of state Q is: letters of r (running), l (in its lane), h (set aside). It must be exactly one.
local function places_of(user, id, record)
  local places = redis.call('HEXISTS', RUNS, user .. '|' .. id) == 1 and 'r' or ''
  if has_entry(lane_key(user, record.level), record.seq) then
    places = places .. 'l'
  end
  local name = string.match(record.body, '^[^ |]*')
  if (places == '' or counts[user].h) and has_entry(lane_key(user, record.level, name), record.seq) then
    places = places .. 'h'
    if not (redis.call('ZSCORE', PARKED_BY .. name, user) and redis.call('ZSCORE', PARKED, name)) then
      return places, 'stranded'
    end
  end
  return places, #places == 0 and 'lost' or #places > 1 and 'twice' or nil
end

-- What is wrong with what a living task has beside its record: its unique key, and the instant by which it must start.
local function fault_of_living(user, id, record, runs)
  local key = key_of(string.match(record.body, '^[^|]*'))
  local last_start = tonumber(record.expires)
  if key and redis.call('HGET', user_key(user, 'unique'), key) ~= id then
    return 'keyless'
  elseif last_start and last_start > queue.now and not runs then
    return not redis.call('ZSCORE', DUE, user .. '|' .. id .. '|') and 'unexpiring' or nil
  end
end

-- The seq of a task that waits for others, and for how many.
local function wait_of(user, id)
  local seq, count = string.match(redis.call('HGET', user_key(user, 'waits'), id) or '', '^(%d+):(%d+)$')
  return tonumber(seq), tonumber(count)
end

-- Does a child by this edge wait to hear of a parent that ended so?
local function is_to_be_told(user, letter, edge)
  local policy, seq, child = string.match(edge, '^(%a)(%d+):(.*)$')
  return policy and EFFECTS[letter][policy] and wait_of(user, child) == tonumber(seq)
end

-- Does an ended task have children that were not told, though nobody is left to be told? One that others whom it has
-- added are to end for has not ended for its children.
local function keeps_children(user, id, record)
  if not counts[user].p or queue.releasing > 0 or (record.state == 'F' and wait_of(user, id)) then
    return false
  end
  for _, edge in ipairs(redis.call('LRANGE', user_key(user, 'children:' .. id), 0, AUDIT_EDGES - 1)) do
    if is_to_be_told(user, record.state, edge) then
      return true
    end
  end
  return false
end

-- Is this ended record in a list that is looked at in time? Its tasks are kept for so long each, and some longer, as
-- others need them.
local function is_swept(user, record)
  local ttl = (tonumber(record.expires) or 0) - (tonumber(record.ended) or 0)
  local name = string.format('%d', ttl)
  local look = tonumber(redis.call('ZSCORE', EXPIRY, user .. '|' .. name) or math.huge)
  return look <= queue.now + math.max(ttl, NEEDED_LOOK) and redis.call('EXISTS', kept_key(user, name)) == 1
end

-- What is wrong with what an ended task has beside its record: its place among the dead letters, its children, and its
-- place in the list that has it expire.
local function fault_of_ended(user, id, record)
  if record.state == 'X' and not redis.call('ZSCORE', user_key(user, 'failed'), id) then
    return 'unlisted'
  elseif keeps_children(user, id, record) then
    return 'untold'
  end
  return not is_swept(user, record) and 'unswept' or nil
end

-- Return where a task is (a letter: as above, or W, D, X, E ended otherwise), and what is wrong with it, if anything.
local function inspect(user, id, record)
  if not record or not string.find('QWDFXC', record.state, 1, true) then
    return '', 'corrupt'
  elseif record.seq > queue.seq then
    return '', 'sequence'
  elseif is_ended(record) then
    return record.state == 'X' and 'X' or 'E', fault_of_ended(user, id, record)
  end
  local places, fault = record.state, nil
  if record.state == 'Q' then
    places, fault = places_of(user, id, record)
  elseif record.state == 'D' then
    local seq, count = wait_of(user, id)
    fault = (seq ~= record.seq or count == 0) and 'unawaited' or nil
  elseif not redis.call('ZSCORE', DUE, user .. '|' .. id) then
    fault = 'unscheduled'
  end
  return places, fault or fault_of_living(user, id, record, string.find(places, 'r', 1, true))
end

-- What is wrong with what is known of a flow: only one that has ended is forgotten at some time, or one that is being
-- handed in.
local function fault_of_flow(member, text)
  local flow, user, mark = parse_flow(text), split_member(member)
  if not flow or flow.D + flow.F + flow.X + flow.C > flow.tasks then
    return 'flow_corrupt'
  elseif redis.call('HGET', user_key(user, 'flows'), flow.run_id) ~= mark then
    return 'flow_unnamed'
  end
  local look = tonumber(redis.call('ZSCORE', FLOWS_DUE, member))
  if flow.state == 'l' and not has_ended(flow) then
    return look and 'flow_due' or nil
  end
  return (not look or (flow.state == 'l' and look > flow.till)) and 'flow_kept' or nil
end

-- What is wrong with a schedule: its user must have it, and it is due when it fires next, or within a minute if nobody
-- could make sense of it the last time.
local function fault_of_schedule(id, text)
  local known = parse_schedule(text)
  if not known then
    return 'schedule_corrupt'
  elseif not sound_schedule(id) then
    return 'schedule_unlisted'
  end
  local at, due = tonumber(redis.call('ZSCORE', SCHEDULES_DUE, id)), known.state == 'A' and tonumber(known.due) or nil
  if known.state == 'A' and not at then
    return 'schedule_undue'
  elseif at and (not due or at < due or at > math.max(due, queue.now + POSTPONED)) then
    return 'schedule_due'
  end
  local last = due and redis.pcall('LINDEX', fires_key(known.user, id), 0)
  return type(last) == 'string' and string.match(last, '^E:(%d+):') == known.due and 'schedule_failing' or nil
end

-- Read a page of a user's records: fewer at once where its lanes are long. A page that has all of them ends with
-- cursor 0.
local function read_records(user, cursor, want, longest)
  local key = user_key(user, 'tasks')
  local kept = redis.call('HLEN', key)
  want = math.ceil(math.min(bounded(key, want), AUDIT_STEPS / longest))
  local page = redis.call('HSCAN', key, cursor, 'COUNT', kept <= want and kept + 1 or want)
  return kept, page[1], page[2]
end

-- How many entries a user has in lanes of names with tasks set aside; -1 where there are too many to look.
local function count_aside(user)
  if redis.call('ZCARD', PARKED) > AUDIT_NAMES then
    return -1
  end
  local entries = 0
  for _, name in ipairs(redis.call('ZRANGE', PARKED, 0, AUDIT_NAMES - 1)) do
    for level = 1, 6 do
      entries = entries + redis.call('LLEN', lane_key(user, level, name))
    end
  end
  return entries
end

-- Those of the lists that name a user in whose own index a worker would not find it, `,` between.
local function lists_without(user, named, tag)
  local without = {}
  for digest in string.gmatch(named, '[^,]+') do
    local bound = tonumber(redis.call('ZSCORE', SCOPE .. digest, user) or math.huge)
    if (tag and bound > tonumber(tag)) or not redis.call('ZSCORE', SCOPES, digest) or
      redis.call('SISMEMBER', SCOPE_USERS .. digest, user) == 0 then
      without[#without + 1] = digest
    end
  end
  return table.concat(without, ',')
end

-- Visit every field of a hash that has `most` of them at most; false where it has more. None comes twice: nothing but
-- the reading happens to the hash meanwhile.
local function visit_all(key, most, visit)
  if redis.call('HLEN', key) > most then
    return false
  end
  local cursor, flat = '0', nil
  repeat
    cursor, flat = unpack(redis.call('HSCAN', key, cursor, 'COUNT', 1000))
    for n = 1, #flat, 2 do
      visit(flat[n], flat[n + 1])
    end
  until cursor == '0'
  return true
end
