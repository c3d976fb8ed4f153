#!lua flags=no-writes
-- Count the tasks of a flow beside what is known of it, at one instant.
-- include: keys stats record flow
-- takes: user, mark, how many tasks are read at most
-- replies: nothing for a flow that is not there, is still being handed in or is too large; else how many of its tasks
--   have not ended, and how many of these are deferred, as counted; the same by the records
local user, mark, most = unpack(ARGV)
most = tonumber(most)
local BYTES = 4194304     -- of records that are read

local flow = parse_flow(redis.call('HGET', FLOWS, user .. '|' .. mark))
local key, tasks = user_key(user, 'flow:' .. mark), user_key(user, 'tasks')
if not flow or flow.state ~= 'l' or flow.tasks > most or redis.call('LLEN', key) > most then
  return {}
end
local seen, read, bytes, living, deferred = {}, 0, 0, 0, 0
for _, lines in ipairs(redis.call('LRANGE', key, 0, most - 1)) do
  for line in string.gmatch(lines, '[^\n]+') do
    local id = string.match(line, '^[^|]*')
    if not seen[id] then
      seen[id], read, bytes = true, read + 1, bytes + redis.call('HSTRLEN', tasks, id)
      if read > 2 * most or bytes > BYTES then     -- those that were taken out of it are described still
        return {}
      end
      local record = parse_record(redis.call('HGET', tasks, id))
      if record and record.nonce == mark and not is_ended(record) then
        living = living + 1
        deferred = deferred + (record.state == 'D' and 1 or 0)
      end
    end
  end
end
return { flow.tasks - flow.F - flow.X - flow.C, flow.D, living, deferred }
