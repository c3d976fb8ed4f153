-- The ring: users with ready tasks, ordered by virtual tag; the least tag is served next. Start-time fair queuing
-- (Goyal, Vin, Cheng, SIGCOMM 1996): a served task moves its user's tag on by cost / weight, and the queue's clock is
-- the greatest tag served so far.

-- Tell the lists that name these users of tags (flat: tag, user) that their indexes must not lie above; `named` says
-- which lists these are, if it is known.
local function announce(tags, named)
  if queue.scopes == 0 or #tags == 0 then
    return
  end
  local users = {}
  for i = 2, #tags, 2 do
    users[i / 2] = tags[i]
  end
  named = named or redis.call('HMGET', NAMED, unpack(users))
  for i = 1, #users do
    for digest in string.gmatch(named[i] or '', '[^,]+') do
      redis.pcall('ZADD', SCOPE .. digest, tags[2 * i - 1], users[i])     -- a damaged list is its workers' care
    end
  end
end

-- Note that a user was charged too little (or, negative, too much) for a run.
local shifts = {}
local function shift_tag(user, amount)
  if amount ~= 0 then
    shifts[user] = (shifts[user] or 0) + amount
  end
end

-- Correct the tags. One may fall below the clock so, and rightly: its user was overcharged; the clock never falls.
local function apply_shifts()
  local users, ring, outside = {}, {}, {}
  for user in pairs(shifts) do
    users[#users + 1] = user
  end
  if #users == 0 then
    return
  end
  local tags, debts = redis.call('ZMSCORE', RING, unpack(users)), redis.call('ZMSCORE', TAGS, unpack(users))
  for i = 1, #users do
    local tag = tags[i] or debts[i]
    local into = tags[i] and ring or outside
    if tag then
      into[#into + 1] = tag + shifts[users[i]]
      into[#into + 1] = users[i]
    end
  end
  if #ring > 0 then
    redis.call('ZADD', RING, unpack(ring))
    announce(ring)
  end
  if #outside > 0 then
    redis.call('ZADD', TAGS, unpack(outside))
  end
end

-- The first `count` users of a list in order of tag, flat (user, tag, ...). `*` is the ring itself. A list has an
-- index of its own whose tags are lower bounds, since a tag only grows: its head is compared with the ring and
-- repaired until it is right, 1.6 rounds on average (measured). 16 rounds, of ever longer heads, are the most; if
-- there is more to repair then, the next call goes on with it.
local function head_of(scope, count)
  if scope == '*' then
    return redis.call('ZRANGE', RING, 0, count - 1, 'WITHSCORES')
  end
  local length = count
  for _ = 1, 16 do
    local head = redis.pcall('ZRANGE', SCOPE .. scope, 0, length - 1, 'WITHSCORES')
    local users = {}
    for i = 1, #head, 2 do
      users[#users + 1] = head[i]
    end
    if #users == 0 then
      return head
    end
    local tags = redis.call('ZMSCORE', RING, unpack(users))
    local moved, gone = {}, {}
    for i = 1, #users do
      if not tags[i] then
        gone[#gone + 1] = users[i]
      elseif tags[i] ~= head[2 * i] then
        moved[#moved + 1] = tags[i]
        moved[#moved + 1] = users[i]
      end
    end
    if #gone > 0 then
      redis.call('ZREM', SCOPE .. scope, unpack(gone))
    end
    if #moved > 0 then
      redis.call('ZADD', SCOPE .. scope, unpack(moved))
    end
    if #gone + #moved == 0 then
      return head
    end
    length = math.min(2 * length, 1000)
  end
  queue.unfinished = true
  return {}
end

-- The clock for somebody who joins: that of the queue, or where that is behind, the least tag among the ready users of
-- a list that names it; in no list, how far the workers have come that serve everybody. Lists are served by workers of
-- their own and so at a pace of their own: whoever joined one that is slow at the queue's clock would wait for all that
-- the others had been given.
local list_clocks = {}
local function clock_of(named)
  local clock = queue.clock
  if queue.scopes > 0 and queue.everyone > 0 and not named then
    return math.min(clock, queue.everyone)
  end
  for digest in string.gmatch(named or '', '[^,]+') do
    if not list_clocks[digest] then
      list_clocks[digest] = tonumber(head_of(digest, 1)[2]) or queue.clock
    end
    clock = math.min(clock, list_clocks[digest])
  end
  return clock
end

local function lists_of(users)
  return queue.scopes > 0 and redis.call('HMGET', NAMED, unpack(users)) or {}
end

-- Let users in whose first task became ready (or that were held), each at max(its own tag, the clock): idling earns no
-- credit and erases no debt (I24). Lists of users that name one of them hear of its tag: there a tag too low is
-- corrected when read, but a user that is missing would not be found. Whoever has nothing ready any more stays outside.
local function join_ring(candidates)
  local users = {}
  for i = 1, #candidates do
    if counts[candidates[i]].ready > 0 then
      users[#users + 1] = candidates[i]
    end
  end
  if #users == 0 then
    return
  end
  local debts = redis.call('ZMSCORE', TAGS, unpack(users))
  local named = lists_of(users)
  local tags, indebted = {}, {}
  for i = 1, #users do
    local debt, clock = tonumber(debts[i]), clock_of(named[i])
    tags[2 * i - 1] = debt and debt > clock and debt or clock
    tags[2 * i] = users[i]
    if debt then
      indebted[#indebted + 1] = users[i]
    end
  end
  redis.call('ZADD', RING, unpack(tags))
  if #indebted > 0 then
    redis.call('ZREM', TAGS, unpack(indebted))
  end
  announce(tags, named)
end

-- Is this tag of a user a debt, to be kept for its return? It lies beyond the clock, or runs are to correct it yet.
local function is_debt(user, tag, named)
  return tag > queue.clock or (queue.scopes > 0 and tag > clock_of(named)) or (rules.cost == 'time' and busy[user] > 0)
end

-- Let out users that have nothing ready any more, or may not start it.
local function leave_ring(users, tag_of)
  if #users == 0 then
    return
  end
  redis.call('ZREM', RING, unpack(users))
  local debts, named = {}, lists_of(users)
  for i = 1, #users do
    if is_debt(users[i], tag_of[users[i]], named[i]) then
      debts[#debts + 1] = tag_of[users[i]]
      debts[#debts + 1] = users[i]
    end
  end
  if #debts > 0 then
    redis.call('ZADD', TAGS, unpack(debts))
  end
end

-- Forget debts that the clock has overtaken, a bounded number at a time. When nothing is ready, held or running, the
-- clock moves to the greatest tag, as the paper has it for the end of a busy period: else debts would stay for ever.
local function sweep_tags(limit)
  if redis.call('EXISTS', TAGS) == 0 then
    return
  end
  if redis.call('EXISTS', RING, HELD, LEASES) == 0 then
    local greatest = tonumber(redis.call('ZRANGE', TAGS, 0, 0, 'REV', 'WITHSCORES')[2])
    if greatest > queue.clock then
      set_stat('clock', greatest)
    end
    set_stat('everyone', 0)
  end
  local behind = redis.call('ZCOUNT', TAGS, '-inf', queue.clock)
  local first = behind > limit and queue.now % (behind - limit) or 0     -- some of them may have to stay
  local paid = redis.call('ZRANGE', TAGS, '-inf', queue.clock, 'BYSCORE', 'LIMIT', first, limit, 'WITHSCORES')
  local users, gone = {}, {}
  for i = 1, #paid, 2 do
    users[#users + 1] = paid[i]
  end
  if #users == 0 then
    return
  end
  local named = lists_of(users)
  load_busy(users)
  for i = 1, #users do
    if not is_debt(users[i], tonumber(paid[2 * i]), named[i]) then
      gone[#gone + 1] = users[i]
    end
  end
  if #gone > 0 then
    redis.call('ZREM', TAGS, unpack(gone))
  end
end
