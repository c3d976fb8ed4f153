-- With cost `time`, a run that goes on for longer than was expected is charged as it goes, at each renewal: else a long
-- task of a new kind would cost its user next to nothing until it ends.
local charges = {}

local function accrue_charge(member, text)
  if rules.cost ~= 'time' then
    return
  end
  local token, since, start, core, worker, charge, label = parse_run(text)
  local cost, weight = parse_charge(charge)
  local more = queue.now - tonumber(start) - cost
  if more <= 0 then
    return
  end
  local user = split_member(member)
  shift_tag(user, more / weight)
  charge = format_charge(cost + more, weight)
  charges[#charges + 1] = member
  charges[#charges + 1] = token .. ':' .. since .. ':' .. start .. ':' .. core .. ':' .. worker .. ' ' .. charge ..
    ' ' .. label
end

local function save_charges()
  if #charges > 0 then
    apply_shifts()
    redis.call('HSET', RUNS, unpack(charges))
  end
end
