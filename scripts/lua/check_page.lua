#!lua flags=no-writes
-- Look at a page of one of the queue's tables: what each entry stands for must be there, at this very instant.
-- include: keys names stats record run flow schedule who page audit
-- takes: table (runs, leases, progress, suspects, stops, due, flows, flows-due, schedules, schedules-due, waiters or
--   who), cursor ('0' at first), about how many
-- replies: next cursor ('0' at the end), how many entries, then fault, entry, ...
local name, cursor, count = unpack(ARGV)

open_queue('', 'token')
local function record_of(member)
  local bar = string.find(member, '|', 1, true)
  local user, id = string.sub(member, 1, (bar or 0) - 1), string.sub(member, (bar or 0) + 1)
  return bar and parse_record(redis.call('HGET', user_key(user, 'tasks'), id)), user, id
end

local function runs_on(worker, member)
  local text = redis.call('HGET', RUNS, member)
  return text and worker_of(text) == worker
end

local function unless_in(table, fault)
  return function(member) return redis.call('HEXISTS', table, member) == 0 and fault or nil end
end

local tables = {
  runs = { RUNS, function(member, text)
    local token, _, _, core = parse_run(text)
    local record = record_of(member)
    if not token then
      return 'run_corrupt'
    elseif not redis.call('ZSCORE', LEASES, member) then
      return 'no_lease'
    elseif not record or record.state ~= 'Q' or parse_core(core).seq ~= record.seq then
      return 'run_record'
    end
    return tonumber(token) > queue.token and 'token' or nil
  end },
  leases = { LEASES, unless_in(RUNS, 'no_run') },
  progress = { PROGRESS, unless_in(RUNS, 'progress') },
  suspects = { SUSPECTS, function(worker, member) return not runs_on(worker, member) and 'suspect' or nil end },
  stops = { STOPS, function(worker, members)
    for member in string.gmatch(members, '[^:]+') do
      if not runs_on(worker, member) then
        return 'stop'
      end
    end
  end },
  due = { DUE, function(member)
    local record, user, id = record_of(member)
    local scheduled = user ~= '' and id ~= '' and string.sub(id, -1) ~= '|'     -- lib/due
    return scheduled and (not record or record.state ~= 'W') and 'due_record' or nil
  end },
  flows = { FLOWS, fault_of_flow },
  ['flows-due'] = { FLOWS_DUE, unless_in(FLOWS, 'no_flow') },
  schedules = { SCHEDULES, fault_of_schedule },
  ['schedules-due'] = { SCHEDULES_DUE, unless_in(SCHEDULES, 'no_schedule') },
  waiters = { WAITERS, function(member)
    local record = record_of(member)
    return (not record or is_ended(record)) and 'waiter' or nil
  end },
  who = { WHO, function(print, users)
    for user in string.gmatch(users, '[^|]+') do
      if fingerprint(user) ~= print or redis.call('EXISTS', user_key(user, 'tasks')) == 0 then
        return 'who'
      end
    end
  end },
}

local key, fault_of = unpack(tables[name])
local next_cursor, page = read_page(key, cursor, tonumber(count))
local reply = { next_cursor, #page / 2 }
for n = 1, #page, 2 do
  local fault = fault_of(page[n], page[n + 1])
  if fault then
    reply[#reply + 1] = fault
    reply[#reply + 1] = page[n]
  end
end
return reply
