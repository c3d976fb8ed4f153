-- Where each task must be seen before it is started, because it has a price of its own or its name has caps: tasks are
-- read ahead, in small numbers, and what was not started goes back to the head of its lanes.
local buffers = {}

local function read_ahead(user, ahead)
  local buffer = buffers[user]
  local items = {}
  local function visit(_, entry, since, id, level, seq, attempt, lost, rest, label, text)
    items[#items + 1] = { entry, since, id, level, seq, attempt, lost, rest, label, text }
  end
  queue.damaged = false
  if not counts[user].g or clean_lanes(user, ahead) > 0 then
    for _ = 1, 4 do
      if read_tasks(user, ahead, visit) == 0 or #items > 0 then
        break
      end
    end
  end
  buffer.items, buffer.next = items, 1
  buffer.damaged = buffer.damaged or queue.damaged or (#items == 0 and #buffer.suspects == 0 and counts[user].ready > 0)
end

local function put_back_rest(user)
  local buffer, rest = buffers[user], {}
  for i = buffer.next, #buffer.items do
    rest[#rest + 1] = buffer.items[i][1]
    rest[#rest + 1] = tonumber(buffer.items[i][4])
  end
  put_back(user, rest)
  buffer.items, buffer.next = {}, 1
end

-- Start the next task of a user that may start now; its price, over the user's weight, is what the tag moves on by.
-- Tasks whose name has no room are set aside, suspects that this worker may not have are passed over; and where a task
-- of the same name that is set aside is to start first, that one comes back. `parking`: of this user so many at most.
local function start_buffered(user, ahead, parking, worker)
  local buffer = buffers[user]
  if not buffer then
    buffer = { items = {}, next = 1, taken = {}, suspects = {}, parked = 0 }
    buffers[user] = buffer
  end
  while buffer.parked < parking do
    if not buffer.items[buffer.next] then
      read_ahead(user, ahead)
    end
    local item = buffer.items[buffer.next]
    if not item then
      buffer.exhausted = true
      return nil
    end
    buffer.next = buffer.next + 1
    local entry, since, id, level, seq, attempt, lost, rest, label, text = unpack(item)
    local subject = load_subject(label)
    load_limits({ subject })
    local room, bar = room_of(subject, busy[subject])
    local name, rank = string.sub(subject, 2), tonumber(level)
    if room == 0 then
      park_task(user, name, rank, tonumber(seq), entry, bar)
      buffer.parked = buffer.parked + 1
    elseif counts[user].h and parked_before(user, name, rank, tonumber(since), tonumber(seq)) then
      buffer.next = buffer.next - 1
      put_back_rest(user)
      unpark_user(user, name, 1)
      buffer.parked = buffer.parked + 1
    elseif lost ~= '0' and not take_suspect(worker, user .. '|' .. id) then
      buffer.suspects[#buffer.suspects + 1] = entry
      buffer.suspects[#buffer.suspects + 1] = tonumber(level)
    else
      local cost, weight = price_of(label), weight_of(user)
      local charge = format_charge(cost, weight)
      spend(subject, 1)
      grant_task(buffer.taken, user, since, id, level, seq, attempt, lost, rest, label, text, charge, worker)
      return cost / weight
    end
  end
  queue.unfinished = true
  bar_user(user)     -- others are served in its stead
end

-- Put back what was read ahead of a user and not started, and return what was.
local function empty_buffer(user)
  local buffer = buffers[user]
  if not buffer then
    return {}
  end
  put_back_rest(user)
  pass_over(user, buffer.suspects, buffer.exhausted)
  if buffer.damaged then
    recount(user)
  end
  buffers[user] = nil
  return buffer.taken
end
