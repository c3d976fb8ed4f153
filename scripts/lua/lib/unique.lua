-- Unique keys: while a task of a key has not ended, another of that key and user is not made. A label has the key at
-- its end (lib/record), and the user's `unique` has the id of the key's task.
local function key_of(label)
  return string.match(label, ' #(.*)$')
end

-- Free the key of a task that has ended.
local function free_key(user, label)
  if string.find(label, ' #', 1, true) then
    redis.call('HDEL', user_key(user, 'unique'), key_of(label))
  end
end
