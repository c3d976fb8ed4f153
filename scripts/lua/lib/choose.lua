-- Of these users (flat: user, tag, in order of tag) choose `want` starts, always the least tag (I13). `start(user,
-- picked)` starts one more task of a user and returns by how much its tag moves on, or nil where it can start none.
-- Returns the users in order of their starts, how many each got (0: it was looked at), and each one's tag afterwards.
-- Two sorted runs are merged: users not served yet, and users put back, which enter in order of tag (at the tail, with
-- equal weights). Each start moves the clock to its tag. None has a tag beyond `last_tag`: there, users that are not in
-- this head may come first.
local function choose_users(head, want, last_tag, start)
  local order, picks, tag_of = {}, {}, {}
  local fresh, fresh_tag = 1, tonumber(head[2])
  local back, back_tag, first, last = {}, {}, 1, 0
  local chosen = 0
  while chosen < want do
    local user, tag
    if fresh_tag and not (first <= last and back_tag[first] < fresh_tag) then
      user, tag = head[fresh], fresh_tag
      fresh = fresh + 2
      fresh_tag = tonumber(head[fresh + 1])
      picks[user], tag_of[user] = not barred[user] and 0 or nil, tag
    elseif first <= last and back_tag[first] <= last_tag then
      user, tag = back[first], back_tag[first]
      first = first + 1
    else
      break
    end
    local step = picks[user] and start(user, picks[user])
    if step then
      if tag > queue.clock then
        queue.clock = tag
      end
      chosen = chosen + 1
      order[chosen] = user
      picks[user] = picks[user] + 1
      tag = tag + step
      tag_of[user] = tag
      last = last + 1
      local place = last
      while place > first and back_tag[place - 1] > tag do
        back[place], back_tag[place] = back[place - 1], back_tag[place - 1]
        place = place - 1
      end
      back[place], back_tag[place] = user, tag
    end
  end
  return order, picks, tag_of
end
