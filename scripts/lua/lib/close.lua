-- The end of every script that moves tasks: what changed is written, and workers are woken for what is still ready.
local function close_queue(wake_limit)
  save_counts()
  save_queue()
  local waiting = {}
  for _, user in ipairs(readied) do
    if counts[user].ready > 0 then
      waiting[#waiting + 1] = user
    end
  end
  if #waiting > 0 and wake_limit > 0 then
    wake_servers(waiting, wake_limit)
  end
  if #near > 0 then
    wake_servers(near, 1)
  end
end
