-- The ring: users with ready tasks, ordered by virtual tag; the least tag is served next. Start-time fair queuing
-- (Goyal, Vin, Cheng, SIGCOMM 1996): a served task moves its user's tag on by cost / weight, and the queue's clock is
-- the greatest tag served so far.

local CHARGE = 1     -- virtual time of one start: cost / weight

-- Tell the lists that name these users (flat: tag, user) of tags that their indexes must not lie above.
local function announce(tags)
  if queue.scopes == 0 or #tags == 0 then
    return
  end
  local users = {}
  for i = 2, #tags, 2 do
    users[i / 2] = tags[i]
  end
  local named = redis.call('HMGET', NAMED, unpack(users))
  for i = 1, #users do
    for digest in string.gmatch(named[i] or '', '[^,]+') do
      redis.call('ZADD', SCOPE .. digest, tags[2 * i - 1], users[i])
    end
  end
end

-- Take back what users were charged for starts that did not happen: tasks given back before they ran. A tag may fall
-- below the clock so, and rightly: the user was overcharged. The clock itself never falls.
local refunds = {}
local function refund_users()
  local tags = {}
  for user, starts in pairs(refunds) do
    local tag, debt = redis.call('ZSCORE', RING, user), nil
    if tag then
      tags[#tags + 1] = tonumber(tag) - starts * CHARGE
      tags[#tags + 1] = user
    else
      debt = redis.call('ZSCORE', TAGS, user)
    end
    if debt then
      redis.call('ZADD', TAGS, tonumber(debt) - starts * CHARGE, user)
    end
  end
  if #tags > 0 then
    redis.call('ZADD', RING, unpack(tags))
    announce(tags)
  end
end

-- Let users in whose first task became ready, each at max(its own tag, the clock): idling earns no credit and erases
-- no debt (I24). Lists of users that name one of them hear of its tag: there a tag too low is corrected when read, but
-- a user that is missing would not be found.
local function join_ring(users)
  if #users == 0 then
    return
  end
  local debts = redis.call('ZMSCORE', TAGS, unpack(users))
  local pairs_of, indebted = {}, {}
  for i = 1, #users do
    local debt = tonumber(debts[i])
    pairs_of[2 * i - 1] = debt and debt > queue.clock and debt or queue.clock
    pairs_of[2 * i] = users[i]
    if debt then
      indebted[#indebted + 1] = users[i]
    end
  end
  redis.call('ZADD', RING, unpack(pairs_of))
  if #indebted > 0 then
    redis.call('ZREM', TAGS, unpack(indebted))
  end
  announce(pairs_of)
end

-- Let out users that have nothing ready any more; a tag beyond the clock is a debt that is kept for their return.
local function leave_ring(users, tag_of)
  if #users == 0 then
    return
  end
  redis.call('ZREM', RING, unpack(users))
  local debts = {}
  for i = 1, #users do
    if tag_of[users[i]] > queue.clock then
      debts[#debts + 1] = tag_of[users[i]]
      debts[#debts + 1] = users[i]
    end
  end
  if #debts > 0 then
    redis.call('ZADD', TAGS, unpack(debts))
  end
end

-- Forget debts that the clock has overtaken, a bounded number at a time. When nothing is ready and nothing runs, the
-- clock moves to the greatest tag, as the paper has it for the end of a busy period: else debts would stay for ever.
local function sweep_tags(limit)
  if redis.call('EXISTS', TAGS) == 0 then
    return
  end
  if redis.call('EXISTS', RING) == 0 and redis.call('EXISTS', LEASES) == 0 then
    local greatest = tonumber(redis.call('ZRANGE', TAGS, 0, 0, 'REV', 'WITHSCORES')[2])
    if greatest > queue.clock then
      set_stat('clock', greatest)
    end
  end
  local paid = redis.call('ZRANGE', TAGS, '-inf', queue.clock, 'BYSCORE', 'LIMIT', 0, limit)
  if #paid > 0 then
    redis.call('ZREM', TAGS, unpack(paid))
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
    local head = redis.call('ZRANGE', SCOPE .. scope, 0, length - 1, 'WITHSCORES')
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
