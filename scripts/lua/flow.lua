#!lua flags=no-writes
-- Read what is known of a flow, and a page of the lines that describe it.
-- include: keys
-- takes: user, mark or run id, number of the part from which to read
-- replies: nothing for an unknown flow; else mark, what is known (lib/flow), then parts
local user, name, first = unpack(ARGV)

local mark = name
local text = redis.call('HGET', FLOWS, user .. '|' .. mark)
if not text then
  mark = redis.call('HGET', user_key(user, 'flows'), name) or ''
  text = redis.call('HGET', FLOWS, user .. '|' .. mark)
end
if not text then
  return {}
end
return { mark, text, unpack(redis.call('LRANGE', user_key(user, 'flow:' .. mark), first, first + 9)) }
