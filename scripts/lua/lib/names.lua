-- Small sets of names, each in one field of a hash, with a character between them that no name has.
local function has_name(text, between, name)
  return text and string.find(between .. text .. between, between .. name .. between, 1, true) ~= nil
end

local function with_name(text, between, name)
  return text and text .. between .. name or name
end

-- Take a name out of the set in `field`; the field goes with its last name.
local function drop_name(key, field, between, name)
  local others = {}
  for other in string.gmatch(redis.call('HGET', key, field) or '', '[^' .. between .. ']+') do
    if other ~= name then
      others[#others + 1] = other
    end
  end
  if #others > 0 then
    redis.call('HSET', key, field, table.concat(others, between))
  else
    redis.call('HDEL', key, field)
  end
end
