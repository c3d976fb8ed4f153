-- Every key of a queue: its type and what lives there. The data model's table of contents.
-- KEYS[1] is the root `{prefix:queue}`; its braces are a hash tag, so that a queue lives on one slot of a cluster.
-- Users and task ids arrive encoded: no `:`, `|`, `{`, `}`. A member `user|id` names a task (I23).
local ROOT = KEYS[1] .. ':queue:'

local STATS = ROOT .. 'stats'           -- hash    the queue's own numbers: clock, sequences, totals (lib/stats)
local RING = ROOT .. 'ring'             -- zset    user -> virtual tag: users with a ready task, and nobody else
local TAGS = ROOT .. 'tags'             -- zset    user -> virtual tag of users outside the ring (their debt)
local HELD = ROOT .. 'held'             -- hash    user -> p, c or r: users with ready tasks that a cap bars (lib/hold)
local LIMITS = ROOT .. 'limits'         -- hash    user, |name, || or * -> weight and caps (lib/limits)
local BUCKETS = ROOT .. 'buckets'       -- zset    user, |name or || -> ms at which its bucket is full (lib/limits)
local MEANS = ROOT .. 'means'           -- hash    name -> mean run time, ms, and of how many runs (lib/price)
local PARKED = ROOT .. 'parked'         -- zset    name -> last look, ms: names with tasks set aside (lib/park)
local PARKED_BY = ROOT .. 'parked:'     -- zset    ..<name>: user -> its turn among the users with such tasks
local COUNTS = ROOT .. 'counts'         -- hash    user -> what waits, by level and kind; |name -> how many (lib/counts)
local BUSY = ROOT .. 'busy'             -- hash    user, |name -> tasks running now
local RUNS = ROOT .. 'runs'             -- hash    user|id -> the run's token and facts (lib/run); running tasks only
local LEASES = ROOT .. 'leases'         -- zset    user|id -> deadline, ms; the same members as `runs`
local SUSPECTS = ROOT .. 'suspects'     -- hash    worker -> the one task it holds that was lost before (lib/suspect)
local DUE = ROOT .. 'due'               -- zset    what is due -> ms at which it is (lib/due)
local PROGRESS = ROOT .. 'progress'     -- hash    user|id -> how far its run has come (opaque to Lua)
local STOPS = ROOT .. 'stops'           -- hash    worker -> its runs that are to stop, `:` between (lib/stop)
local FLOWS = ROOT .. 'flows'           -- hash    user|mark -> how far a graph of tasks has come (lib/flow)
local FLOWS_DUE = ROOT .. 'flows-due'   -- zset    user|mark -> ms at which the flow is forgotten
local RELEASES = ROOT .. 'releases'     -- list    ended tasks some of whose children are to be told yet (lib/release)
local EXPIRY = ROOT .. 'expiry'         -- zset    user|ms -> ms at which to look at its `kept:<ms>` again
local KEPT_BYTES = ROOT .. 'kept-bytes' -- hash    user -> bytes of its ended records (lib/retention)
local WHO = ROOT .. 'who'               -- hash    fingerprint -> user: finds a generated task id's user
local WAITERS = ROOT .. 'waiters'       -- hash    user|id -> names of who waits for its result, `,` between
local WAKE = ROOT .. 'wake:'            -- list    ..<name>: a hint that wakes whoever blocks on it; short TTL
local SLEEP = ROOT .. 'sleep:'          -- zset    ..<scope>: worker -> since, ms: workers blocked for want of tasks
local SCOPES = ROOT .. 'scopes'         -- zset    digest -> last refresh, ms: the user lists that workers serve
local SCOPE = ROOT .. 'scope:'          -- zset    ..<digest>: user -> lower bound of its tag: a list's own ring
local SCOPE_USERS = ROOT .. 'scope-users:'  -- set ..<digest>: the users of that list
local NAMED = ROOT .. 'named'           -- hash    user -> digests of the lists that name it, `,` between
local WORKERS = ROOT .. 'workers'       -- hash    worker -> what it says of itself (opaque to Lua)
local SEEN = ROOT .. 'workers-seen'     -- zset    worker -> last heartbeat, ms
local AT_WORK = ROOT .. 'workers-at-work'  -- zset worker -> last heartbeat, ms: those that held tasks then
local LAST = ROOT .. 'last:'            -- string  ..<worker or request>: what was answered last; short TTL
local SCHEDULES = ROOT .. 'schedules'   -- hash    id -> what is to be pushed and when (lib/schedule)
local SCHEDULES_DUE = ROOT .. 'schedules-due'  -- zset id -> ms at which it fires next: those that do
local SCHEDULERS = ROOT .. 'schedulers' -- zset    what a scheduler says of itself -> its last tick, ms
local LOCK = ROOT .. 'scheduler-lock'   -- string  <until ms>:<token>:<scheduler>: who fires; short TTL
local NOTHING = ROOT .. 'nothing'       -- zset    never written (lib/guard)
local XCOM = ROOT .. 'xcom:'            -- string  ..<user>:<scope>:<key>: a value that a run left (lib/xcom); TTL
local SERVED = ROOT .. 'served:'        -- hash    ..<window>: user|measure -> amount (starts, run time, waits); TTL

-- A user's own keys: `tasks` (hash id -> record, lib/record), `kept:<ms>` (list: ended tasks that are kept for so long,
-- lib/retention), `terms` (set: these ms), `failed` (zset id -> ms at which it failed: the dead letters), `unique`
-- (hash unique key -> id of its living task), `xcom` (zset scope:key of each of its values in `xcom:` -> ms at which
-- that expires, lib/xcom), and the lanes `critical` and `normal:<level>` (lists of entries, lib/lane), with `:<name>`
-- behind for tasks set aside (lib/park). Of graphs: `waits` (hash id -> for how many parents it waits) and
-- `children:<id>` (list: who waits for that task, lib/link), `flows` (hash run id -> mark), `flow:<mark>` (list: what
-- the flow consists of, opaque but for the ids), `keys:<mark>` (hash key -> id of its task whose result the key names).
-- Of schedules: `schedules` (set: their ids) and `fires:<id>` (list: what came of the last fires, lib/schedule).
local function user_key(user, what)
  return ROOT .. 'user:' .. user .. ':' .. what
end

local function split_member(member)
  local bar = string.find(member, '|', 1, true) or #member + 1
  return string.sub(member, 1, bar - 1), string.sub(member, bar + 1)
end
