-- Correct what users were charged at the start of runs that end. What was given back before it ran costs nothing, and
-- its tokens go back too. With `time` the price is what the run took (`ran`, us; no more than has passed since its
-- start), or all that has passed if nobody says, as of a dead worker's; and the mean of its name learns from it.
local function correct_charges(ends)
  local names = {}
  for i = 1, rules.cost == 'time' and #ends or 0 do
    names[i] = string.sub(ends[i].subject, 2)
  end
  load_means(names)
  local unspent = {}
  for i, e in ipairs(ends) do
    local unused = e.kind == 'L' and e.ran == '0'
    if unused then
      spend(e.user, -1)
      spend(e.subject, -1)
      spend(WHOLE, -1)
      unspent[#unspent + 1] = e.user
    end
    if unused or rules.cost == 'time' then
      local _, _, start, _, _, charge = parse_run(e.run)
      local cost, weight = parse_charge(charge)
      local passed = queue.now - tonumber(start) + 1
      local price = math.min((tonumber(e.ran) or passed * 1000) / 1000, passed)
      shift_tag(e.user, (price - cost) / weight)
      if e.kind ~= 'L' and not e.lost then
        learn_time(names[i], price)
      end
    end
  end
  free_users(unspent, 'r')
end
