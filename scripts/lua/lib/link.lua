-- Edges of graphs. Who waits for a task stands in `children:<id>`, entries `<policy><seq>:<child>`, and `waits` has for
-- how many parents each child waits: `<seq>:<count>`. seq is the child's when it was linked: an edge of an earlier life
-- of that id counts for nothing. A policy is a letter (lib/parents): w, r, c, or s and f of hooks.
-- What a task waits for is told behind its `when`: `;<policy><how many edges follow later>|.<id>|=<id>...`, `.` before
-- a parent that stands in the same graph, `=` before another.
local GENERATED = 36     -- characters of a generated id
local links, parent_letters = {}, {}
local link_edges, link_waits, gate, all_new = {}, {}, nil, false

local function parse_link(text)
  local policy, later, parents = string.match(text, '^(%a)(%d+)(.*)$')
  local list = {}
  for kind, id in string.gmatch(parents, '|([.=])([^|]+)') do
    list[#list + 1], list[#list + 2] = kind, id
  end
  return { policy = policy, later = tonumber(later), parents = list }
end

-- Take the links out of what is pushed. Tasks of one call may wait for others before them.
local function read_links(flat, first)
  for at = first, #flat, ACCEPT_WIDTH do
    local when, text = string.match(flat[at + 4], '^([^;]*);?(.*)$')
    flat[at + 4] = when
    if text ~= '' then
      links[at] = parse_link(text)
    end
  end
end

local function is_all_new(answers)
  for n = 1, #answers do
    if answers[n] ~= 0 then
      return false
    end
  end
  return true
end

-- The letter of a parent as it stands; nil where there is none.
local function learn_parent(user, id)
  local member = user .. '|' .. id
  if not parent_letters[member] or #id ~= GENERATED then     -- else nobody can have known that id before
    redis.call('LLEN', user_key(user, 'children:' .. id))     -- I19
  end
  if not parent_letters[member] then
    local record = parse_record(redis.call('HGET', user_key(user, 'tasks'), id))
    parent_letters[member] = record and record.state
  end
  return parent_letters[member]
end

-- Learn the states of the parents of all that is new: Q where one is new, too, and stands before its child. Returns one
-- that is not known, if there is any, one outside the graph before all: its kind (`.` or `=`) and its id. Where all of
-- the call is new, a parent inside need not be looked up: it is here, or in a part of a flow of which nothing has ended
-- (lib/flow is_growing).
local function learn_parents(arrivals)
  local flat, answers, kind, unknown = arrivals.flat, arrivals.answers, nil, nil
  all_new = is_all_new(answers)
  for at = arrivals.first, #flat, ACCEPT_WIDTH do
    if answers[answer_place(at, arrivals.first)] == 0 then
      local parents = links[at] and links[at].parents or {}
      for n = 2, #parents, 2 do
        local id = parents[n]
        if all_new and parents[n - 1] == '.' then
          if #id ~= GENERATED then
            redis.call('LLEN', user_key(flat[at], 'children:' .. id))     -- I19
          end
        elseif kind ~= '=' and not learn_parent(flat[at], id) then
          kind, unknown = parents[n - 1], id
        end
      end
      parent_letters[flat[at] .. '|' .. flat[at + 2]] = 'Q'
    end
  end
  return kind, unknown
end

local function add_edge(user, parent, entry)
  local key = user_key(user, 'children:' .. parent)
  local entries = link_edges[key]
  if entries then
    entries[#entries + 1] = entry
  else
    link_edges[key] = { entry, user = user }
  end
end

-- Link a task to its parents. Returns for how many it waits: of those that have ended for the ones which it takes more
-- than that, be it to be told of it, or until they are queued again.
local function link_task(user, id, seq, link)
  local waits, entry = link.later, link.policy .. seq .. ':' .. id
  for n = 2, #link.parents, 2 do
    local parent = link.parents[n]
    local letter = all_new and link.parents[n - 1] == '.' and 'Q' or parent_letters[user .. '|' .. parent]
    local effect = EFFECTS[letter] and EFFECTS[letter][link.policy]
    if letter ~= false and effect ~= 'count' then
      waits = waits + 1
      add_edge(user, parent, entry)
      if effect then
        ended_parents[#ended_parents + 1] = { user = user, id = parent, letter = letter }
      end
    end
  end
  return waits
end

local function note_wait(user, id, nonce, seq, waits)
  drop_hold(user, id)
  local fields = link_waits[user]
  if not fields then
    fields = {}
    link_waits[user] = fields
  end
  fields[#fields + 1], fields[#fields + 2] = id, seq .. ':' .. waits
  note_flow(user, nonce, 'D', 1)
end

-- Link a task that is being pushed (lib/accept) from place `at`. Returns whether it has to wait. Where there is a gate,
-- tasks wait for it that have no parent in their graph.
local function defer_task(user, id, nonce, seq, at)
  local link, waits = links[at], 0
  if link then
    waits = link_task(user, id, seq, link)
  end
  if gate and not (link and (link.later > 0 or link.parents[1] == '.')) then     -- those inside are told first
    waits = waits + 1
    add_edge(user, gate, 'r' .. seq .. ':' .. id)
  end
  if waits > 0 then
    note_wait(user, id, nonce, seq, waits)
  end
  return waits > 0
end

-- What waits for a task that runs is to wait for these others, too, that it is adding: the task itself waits for them,
-- and its children hear of its end when they have ended (lib/release).
local function hold_children(arrivals, member, holders)
  local user = arrivals.users[1]
  local _, id = split_member(member)
  local _, _, _, core = parse_run(holders ~= '' and redis.call('HGET', RUNS, member) or '')
  if not core then
    return
  end
  local known, count = string.match(redis.call('HGET', user_key(user, 'waits'), id) or '', '^(%d+):(%d+)$')
  local seq, waits = known or string.format('%d', parse_core(core).seq), tonumber(count or 0)
  for n, answer in ipairs(arrivals.answers) do
    local added = arrivals.flat[arrivals.first + ACCEPT_WIDTH * (n - 1) + 2]
    if answer == 0 and string.find('|' .. holders .. '|', '|' .. added .. '|', 1, true) then
      redis.call('LLEN', user_key(user, 'children:' .. added))     -- I19
      add_edge(user, added, 'w' .. seq .. ':' .. id)
      waits = waits + 1
    end
  end
  if waits > 0 then
    redis.call('HSET', user_key(user, 'waits'), id, seq .. ':' .. string.format('%d', waits))
    add_stat('holding', known and 0 or 1)
  end
end

-- Link a task that is queued again to those of its parents that bar it. Returns whether there are any.
local function defer_again(user, id, nonce, text)
  local link = parse_link(text)
  parent_letters = {}
  for n = 2, #link.parents, 2 do
    local letter = learn_parent(user, link.parents[n])
    parent_letters[user .. '|' .. link.parents[n]] = letter ~= 'F' and letter or false
  end
  set_stat('seq', queue.seq + 1)
  local seq = string.format('%d', queue.seq)
  local waits = link_task(user, id, seq, link)
  if waits > 0 then
    note_wait(user, id, nonce, seq, waits)
  end
  return waits > 0
end

-- Write the edges.
local function save_links()
  for key, entries in pairs(link_edges) do
    if redis.call('RPUSH', key, unpack(entries)) == #entries then
      count_parent(entries.user, 1)
    end
  end
  for user, fields in pairs(link_waits) do
    redis.call('HSET', user_key(user, 'waits'), unpack(fields))
    add_count(user, 'd', #fields / 2)
    add_stat('deferred', #fields / 2)
  end
end
