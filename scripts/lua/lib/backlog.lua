-- max_backlog: how many tasks of a user, a name or the queue may wait.

-- Which subject would have more tasks waiting than its max_backlog allows, and what to say of it; nil if none.
local beyond_call = 0     -- tasks of the same graph that are pushed by other calls
local function overflow_of(users, places_of, first, answers, subjects)
  local arriving = {}
  for _, user in ipairs(users) do
    for _, at in ipairs(places_of[user]) do
      if answers[answer_place(at, first)] == 0 then
        for _, subject in ipairs({ user, subjects[at], WHOLE }) do
          arriving[subject] = (arriving[subject] or 0) + 1
        end
      end
    end
  end
  for subject, new in pairs(arriving) do
    local most = limits[subject] and limits[subject].max_backlog
    local count = counts[subject]
    local waiting = count and count.ready + (count.h or 0) + (count.s or 0) + (count.d or 0)
      or queue.queued + queue.scheduled + queue.deferred
    new = new + (is_name(subject) and subject ~= WHOLE and 0 or beyond_call)
    if most and waiting + new > most then
      local who = string.gsub(subject == WHOLE and 'the queue' or subject, '%%(%x%x)', function(code)
        return string.char(tonumber(code, 16))
      end)
      return string.format('%s: %d tasks wait, max_backlog is %d, %d more were pushed', who, waiting, most, new)
    end
  end
end

-- Refuse the batch where it is too much for a user, a name or the queue. What an earlier copy of this very push has
-- brought in is no more: before refusing, tasks whose write alone would tell are looked up.
local function refuse_overflow(users, places_of, flat, first, answers, replaced, subjects, keys)
  if rules.limited == 0 then
    return nil
  end
  load_limits(users)
  load_limits(subjects)
  load_limits({ WHOLE })
  if not overflow_of(users, places_of, first, answers, subjects) then
    return nil
  end
  for _, user in ipairs(users) do
    if stands_alone(places_of[user], flat, keys) then
      weigh_users_tasks(user, places_of[user], flat, first, answers, replaced)
    end
  end
  return overflow_of(users, places_of, first, answers, subjects)
end
