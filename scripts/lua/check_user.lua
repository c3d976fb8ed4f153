#!lua flags=no-writes
-- Look at one user and at a page of its records: what is counted beside what there is, all at one instant (I1).
-- include: keys names stats limits counts record unique lane parents who retention page audit
-- takes: now, user, cursor ('0' at first), about how many records
-- replies: counted: KINDS (lib/counts), running; there: entries of lane 1-6, entries set aside (-1: not looked), failed
--   ids, tasks that wait for others, records, unique keys, bytes of ended records (as counted); its tag in the ring
--   (''), 1 if it has a debt, the bar it is held for (''), what bars it now (''), 1 if its rate is to open, 1 if the
--   index of fingerprints has it, the lists that name it, those of them that do not lead to it; next cursor;
--   then of this page: records; of these in their lane, running, set aside, scheduled, deferred, failed, ended
--   otherwise; bytes of those that ended; living ones with a unique key; then fault, id, ... (lib/audit)
local now, user, cursor, want = unpack(ARGV)

open_queue(now, 'seq', 'rules', 'releasing')
read_rules()
load_counts({ user })
load_busy({ user })
load_limits({ user })
local reply = {}
local function tell(value)
  reply[#reply + 1] = value
end

for _, kind in ipairs(KINDS) do
  tell(counts[user][kind] or 0)
end
tell(busy[user])
local aside = counts[user].h and count_aside(user) or 0
local longest = math.max(1, aside)
for level = 1, 6 do
  local length = redis.call('LLEN', lane_key(user, level))
  longest = math.max(longest, length)
  tell(length)
end
tell(aside)
tell(redis.call('ZCARD', user_key(user, 'failed')))
tell(redis.call('HLEN', user_key(user, 'waits')))
local kept, next_cursor, page = read_records(user, cursor, tonumber(want), longest)
tell(kept)
tell(redis.call('HLEN', user_key(user, 'unique')))
tell(number_of(redis.call('HGET', KEPT_BYTES, user)))

local tag, room, bar = redis.call('ZSCORE', RING, user), room_of(user, busy[user])
local named = redis.call('HGET', NAMED, user) or ''
tell(tag or '')
tell(redis.call('ZSCORE', TAGS, user) and 1 or 0)
tell(redis.call('HGET', HELD, user) or '')
tell(room == 0 and bar or '')
tell(redis.call('ZSCORE', DUE, user .. '|') and 1 or 0)
tell(has_name(redis.call('HGET', WHO, fingerprint(user)), '|', user) and 1 or 0)
tell(named)
tell(lists_without(user, named, tag))

local places, bytes, keys, faults = { l = 0, r = 0, h = 0, W = 0, D = 0, X = 0, E = 0 }, 0, 0, {}
for n = 1, #page, 2 do
  local record = parse_record(page[n + 1])
  local place, fault = inspect(user, page[n], record)
  for letter in string.gmatch(place, '.') do
    places[letter] = places[letter] + 1
  end
  if record and is_ended(record) then
    bytes = bytes + #page[n + 1]
  elseif record and key_of(string.match(record.body, '^[^|]*')) then
    keys = keys + 1
  end
  if fault then
    faults[#faults + 1] = fault
    faults[#faults + 1] = page[n]
  end
end
tell(next_cursor)
tell(#page / 2)
for _, letter in ipairs({ 'l', 'r', 'h', 'W', 'D', 'X', 'E' }) do
  tell(places[letter])
end
tell(bytes)
tell(keys)
for _, value in ipairs(faults) do
  tell(value)
end
return reply
