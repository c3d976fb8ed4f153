-- The last answer to each worker. A request that is sent again because its reply was lost gets the same answer: its
-- outcomes have been accepted, and its tasks are the ones it was granted then: nothing runs twice for it (I3, I8).
local LAST_TTL = 60000     -- ms: longer than anybody goes on sending again

local function repeat_reply(worker, request)
  local key, opening = LAST .. worker, request .. '\n'
  if redis.call('GETRANGE', key, 0, #opening - 1) ~= opening then
    return nil
  end
  local lines = {}
  for line in string.gmatch(redis.call('GET', key), '([^\n]*)\n') do
    lines[#lines + 1] = line
  end
  local reply = { 0, lines[2] }
  for n = 3, #lines do
    local text = redis.call('HGET', RUNS, lines[n])
    if text and worker_of(text) == worker then
      local user, id = split_member(lines[n])
      reply[#reply + 1] = lines[n]
      reply[#reply + 1] = text
      reply[#reply + 1] = redis.call('HGET', user_key(user, 'tasks'), id)
    end
  end
  return reply
end

local function remember_reply(worker, request, reply)
  local lines = { request, reply[2] }
  for n = 3, #reply, 3 do
    lines[#lines + 1] = reply[n]
  end
  redis.call('SET', LAST .. worker, table.concat(lines, '\n') .. '\n', 'PX', LAST_TTL)
end
