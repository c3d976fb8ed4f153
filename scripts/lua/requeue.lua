#!lua flags=allow-oom
-- Queue tasks of a user again that had failed or were canceled: each joins its level anew, its retries unspent; or it
-- waits again for parents that have not ended as it needs. Sent twice with one request id, it answers twice and acts
-- once (I3).
-- include: keys names stats limits counts record unique lane guard parents flow who retention ring hold wake due fate
-- include: weigh link close last
-- takes: now, wake limit, user, request id, nonce of the incarnation that is meant ('-': whichever is there), then per
--   task (at most 100): id, what it waits for (lib/link; a parent that is not known any more bars nothing)
-- replies: per id 1 queued, 0 not known, or neither failed nor canceled, 2 its unique key is another task's now
local now, wake_limit, user, request, nonce = unpack(ARGV, 1, 5)

open_queue(now, 'seq', 'scopes', 'rules', 'queued', 'failed', 'deferred', 'flows', 'parents', 'holding', 'releasing')
read_rules()
local answers = {}
for answer in string.gmatch(redis.call('GET', LAST .. request) or '', '%d') do
  answers[#answers + 1] = tonumber(answer)
end
if #answers > 0 then
  return answers
end

guard_queue()
guard_user(user)
load_counts({ user })
local tasks, fields = user_key(user, 'tasks'), {}
for n = 1, (#ARGV - 5) / 2 do
  local id, link = ARGV[2 * n + 4], ARGV[2 * n + 5]
  local text = redis.call('HGET', tasks, id)
  local record = parse_record(text)
  answers[n] = 0
  if record and (record.state == 'X' or record.state == 'C') and (nonce == '-' or nonce == record.nonce) then
    record.body = call_of(record)
    local label = string.match(record.body, '^[^|]*')
    local key = key_of(label)
    answers[n] = key and redis.call('HSETNX', user_key(user, 'unique'), key, id) == 0 and 2 or 1
    if answers[n] == 1 then
      unkeep(user, { id }, #text)
      note_flow(user, record.nonce, record.state, -1)
      record.failures, record.lost, record.ended, record.expires = 0, 0, '', ''
      load_counts({ subject_of(label) })
      add_count(subject_of(label), 3, 1)
      if link ~= '' and defer_again(user, id, record.nonce, link) then
        record.state, record.seq = 'D', queue.seq
      else
        local lanes = {}
        record.state, record.seq = 'Q', line_up(id, record.level, lanes)
        extend_lanes(user, lanes)
      end
      redis.call('HSET', tasks, id, format_record(record))
    end
  end
end
redis.call('SET', LAST .. request, table.concat(answers), 'PX', LAST_TTL)
save_links()
save_kept()
save_flows()
leave_parents(1)
join_ring(joining)
close_queue(tonumber(wake_limit))
wake_for_rest(user)
return answers
