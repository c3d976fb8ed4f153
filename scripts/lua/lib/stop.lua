-- Runs that somebody asked to stop: `stops` has them by worker, who is told at each heartbeat until they have ended.
-- `queue.stopping` counts them, so that without any nothing is read.
local STOP_BETWEEN = ':'

local function ask_to_stop(worker, member)
  local known = redis.call('HGET', STOPS, worker)
  if not has_name(known, STOP_BETWEEN, member) then
    redis.call('HSET', STOPS, worker, with_name(known, STOP_BETWEEN, member))
    add_stat('stopping', 1)
  end
end

-- Those of these runs that were asked to stop end canceled, unless they are done all the same.
local function end_stops(ends)
  if queue.stopping == 0 then
    return
  end
  for _, e in ipairs(ends) do
    local worker = worker_of(e.run)
    if has_name(redis.call('HGET', STOPS, worker), STOP_BETWEEN, e.member) then
      drop_name(STOPS, worker, STOP_BETWEEN, e.member)
      add_stat('stopping', -1)
      if e.kind ~= 'D' and e.kind ~= 'C' then
        e.kind, e.text, e.argument = 'C', 'canceled', CANCELED_TTL
      end
    end
  end
end
