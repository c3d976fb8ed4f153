#!lua flags=allow-oom
-- Change how service is shared in this queue. Ageing acts at once; how starts are charged can change only while nothing
-- is ready, held or running, since tags of one unit mean nothing in another.
-- include: keys guard names stats limits
-- takes: now, ageing (ms a level, or '' to leave it), cost (count, declared, time, or '')
-- replies: ageing and cost in force; refuses NOTIDLE
local now, aging, cost = unpack(ARGV)

open_queue(now, 'rules', 'aging')
read_rules()
guard_zsets(RING, LEASES)
guard_hashes(HELD)
if cost ~= '' and cost ~= rules.cost then
  if redis.call('EXISTS', RING, HELD, LEASES) > 0 then
    return redis.error_reply('NOTIDLE tasks are ready or running: let the queue drain, then change its cost')
  end
  redis.call('DEL', TAGS, MEANS)
  rules.cost = cost
  set_stat('clock', 0)
  set_stat('everyone', 0)
  save_rules()
end
if aging ~= '' then
  set_stat('aging', aging)
end
save_queue()
return { tostring(queue.aging), rules.cost }
