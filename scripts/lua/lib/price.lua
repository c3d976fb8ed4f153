-- What a start costs. `count`: 1. `declared`: what its task says. `time`: at the start the running mean of its name, in
-- ms; at its end the difference to what it took, so that users share run time whatever their tasks are like (as
-- Kubernetes' API Priority and Fairness charges seats, KEP-1040). Virtual time is cost / weight.
-- A run notes its charge as `<cost>`, or `<cost>/<weight>`.
local UNKNOWN_MS = 1000     -- a name's runs are expected to take a second until one has ended
local MEMORY = 64           -- runs over which the mean moves
local means = {}

-- The cost that a task declares: the second word of its label, unless that is its unique key.
local function declared_cost(label)
  return tonumber(string.match(label, ' ([^ #]+)')) or 1
end

local function load_means(names)
  local missing = {}
  for i = 1, #names do
    if not means[names[i]] then
      missing[#missing + 1] = names[i]
      means[names[i]] = { ms = UNKNOWN_MS, runs = 0 }
    end
  end
  local texts = #missing > 0 and redis.call('HMGET', MEANS, unpack(missing)) or {}
  for i = 1, #missing do
    local ms, runs = string.match(texts[i] or '', '^(.*) (%d+)$')
    if ms then
      means[missing[i]] = { ms = tonumber(ms), runs = tonumber(runs) }
    end
  end
end

-- The cost of starting a task with this label.
local function price_of(label)
  if rules.cost == 'count' then
    return 1
  elseif rules.cost == 'declared' then
    return declared_cost(label)
  end
  local name = string.match(label, '^[^ ]*')
  load_means({ name })
  return means[name].ms
end

local function learn_time(name, ms)
  local mean = means[name]
  mean.runs = math.min(MEMORY, mean.runs + 1)
  mean.ms = mean.ms + (ms - mean.ms) / mean.runs
  mean.changed = true
end

local function save_means()
  local fields = {}
  for name, mean in pairs(means) do
    if mean.changed then
      fields[#fields + 1] = name
      fields[#fields + 1] = string.format('%.6g %d', mean.ms, mean.runs)
    end
  end
  if #fields > 0 then
    redis.call('HSET', MEANS, unpack(fields))
  end
end

local function format_charge(cost, weight)
  if cost == 1 and weight == 1 then
    return '1'
  end
  return weight == 1 and string.format('%.17g', cost) or string.format('%.17g/%.17g', cost, weight)
end

-- Return cost and weight.
local function parse_charge(text)
  local cost, weight = string.match(text, '^([^/]+)/?(.*)$')
  return tonumber(cost), tonumber(weight) or 1
end
