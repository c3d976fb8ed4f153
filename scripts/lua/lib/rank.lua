-- How many entries of a lane became ready before an instant, or just then and with a lesser seq: a binary search, since
-- they stand in that order.
local function count_since(lane, instant, seq)
  local low, high = 0, redis.call('LLEN', lane)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other, since = parse_entry(redis.call('LINDEX', lane, middle))
    if since < instant or (since == instant and other < seq) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

-- How many of a user's ready tasks start before the one of this level and seq; -1 where it is not in its lane.
local function tasks_before(user, level, seq)
  local place, entry = find_place(lane_key(user, level), seq)
  if not entry or parse_entry(entry) ~= seq then
    return -1
  elseif level == 6 then
    return place
  end
  local _, since = parse_entry(entry)
  local before = place + redis.call('LLEN', lane_key(user, 6))
  for other = 1, 5 do
    if other ~= level then
      before = before + count_since(lane_key(user, other), since + (other - level) * queue.aging, seq)
    end
  end
  return before
end
