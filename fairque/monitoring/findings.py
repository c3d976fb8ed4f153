"""What the doctor may find: a code each, how bad it is, and what to do about it.

A code begins with the invariant that does not hold (I1 conservation, I4 leases, ...), or with what it is about: the
server, the queue, its workers.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import msgspec

Severity = Literal["error", "warning", "info"]
"""error: something does not hold; warning: somebody should look; info: good to know."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is off: where, what, and what to do."""

    code: str
    severity: Severity
    subject: str
    text: str
    remedy: str


class Rule(NamedTuple):
    """What stands behind a code."""

    severity: Severity
    remedy: str
    fleeting: bool = False
    """It may be so for a moment in a sound queue, because it takes several calls to change or to read: it is told only
    if it is still so a second later.
    """


def finding(code: str, subject: str, text: str) -> Finding:
    """Return a finding of this code."""
    rule = RULES[code]
    return Finding(code=code, severity=rule.severity, subject=subject, text=text, remedy=rule.remedy)


_COUNT: Final = (
    "while the user is paused: delete those of its tasks that are told as lost, which counts them off; then HSET its "
    "field of `counts` to what is there, `LEVEL:TASKS,...,h:ASIDE,s:SCHEDULED,d:DEFERRED,x:FAILED` without what is zero"
)
_AGAIN: Final = "queue.delete_task, then push it again"
_ANEW: Final = "`fairque task cancel`, then `retry` it: it is linked anew to the parents that keep it waiting"
_LOGS: Final = "see the logs of the workers that are up: they live, but do not claim; restart them"
_RESTART: Final = (
    "restart the workers whose assigned_users or steal_targets are lists of users: they register them anew"
)
_ADD_AGAIN: Final = "`fairque schedule remove ID`, then add it again"

RULES: Final[dict[str, Rule]] = {
    "I1.aside": Rule("error", _COUNT),
    "I1.corrupt": Rule("error", _AGAIN),
    "I1.failed": Rule(
        "error",
        "ZADD what is missing to the user's `failed` (score: when it failed, ms), or correct its x in `counts`",
    ),
    "I1.idle-turn": Rule(
        "error", "none is needed: the next claim takes it out of the ring; where it is held, HDEL it from `held`"
    ),
    "I1.index": Rule("error", "HSET `who` FINGERPRINT USER, else tasks of it are found with --user only"),
    "I1.lanes": Rule("error", _COUNT),
    "I1.lost": Rule("error", _AGAIN),
    "I1.names": Rule(
        "error",
        "while the queue is paused: HSET `counts` |NAME to how many of it wait; only max_backlog goes by it",
    ),
    "I1.records": Rule("error", _COUNT),
    "I1.stranded": Rule("error", "ZADD `parked:NAME` 0 USER and ZADD `parked` 0 NAME: then somebody looks"),
    "I1.totals": Rule(
        "error", "while the queue is paused and nothing is pushed: HSET that field of `stats` to the sum"
    ),
    "I1.turn": Rule("error", "ZADD the user to `ring`, with the field `clock` of `stats` as its score"),
    "I1.turns": Rule("error", "HDEL the user from `held`"),
    "I1.unique": Rule("error", "HSET the user's `unique` KEY to this task's id"),
    "I1.unreadable": Rule("error", "delete or rename the keys of this user that fairque did not write"),
    "I4.lease": Rule("error", "ZADD `leases` NX the task (USER|ID), with the time 15 s from now in ms as its score"),
    "I4.record": Rule("error", "HDEL the task from `runs` and ZREM it from `leases`, then delete it and push it again"),
    "I4.run": Rule("error", "ZREM the task (USER|ID) from `leases`"),
    "I4.twice": Rule("error", "LREM its entry from that lane"),
    "I5.token": Rule("error", "HSET `stats` token to more than any token in `runs`"),
    "I9.reaper": Rule("error", _LOGS, fleeting=True),
    "I11.suspect": Rule("error", "HDEL the worker from `suspects`"),
    "I12.sequence": Rule("error", "HSET `stats` seq to more than any seq in the records"),
    "I14.list": Rule("error", _RESTART),
    "I14.lists": Rule("error", _RESTART),
    "I14.unregistered": Rule("error", "restart this worker: it registers its lists when it starts", fleeting=True),
    "I15.caps": Rule("error", "set any cap anew (`fairque user set`, `fairque queue set`): all are counted then"),
    "I15.held": Rule("error", "set the caps of this user anew (`fairque user set`): that lets it go", fleeting=True),
    "I15.parked": Rule("error", "set the caps of such a name anew: `fairque queue set --task NAME`"),
    "I15.slots": Rule(
        "error", "while the queue is paused: HSET that field of `busy` to the number of runs (none: HDEL)"
    ),
    "I16.clock": Rule("warning", "set the clock of Redis's machine right: until then this queue's time stands still"),
    "I16.due": Rule("error", "ZREM the task (USER|ID) from `due`"),
    "I16.expiry": Rule("error", "ZADD the task (`USER|ID|`, a bar at its end) to `due`, or cancel it"),
    "I16.overdue": Rule("error", _LOGS, fleeting=True),
    "I16.timetable": Rule("error", "ZADD what is missing to `due`: each such task is told as I16.unscheduled"),
    "I16.unscheduled": Rule("error", "ZADD the task (USER|ID) to `due`, with when it may start (ms) as its score"),
    "I17.edges": Rule("error", _ANEW, fleeting=True),
    "I17.flow": Rule("error", "HDEL it (USER|MARK) from `flows`, and its run id from the user's `flows`"),
    "I17.flow-count": Rule(
        "error", "what is kept of it stays until its tasks are deleted or expire: HDEL it from `flows`"
    ),
    "I17.flow-end": Rule("error", "ZREM it (USER|MARK) from `flows-due`: it is entered again when its last task ends"),
    "I17.flow-name": Rule("error", "HSET the user's `flows` RUN-ID MARK"),
    "I17.flows": Rule("error", "HSET `stats` flows to the number of fields of `flows`: at 0 nobody looks at any"),
    "I17.holding": Rule(
        "error", "HSET `stats` holding to more: at 0 nobody looks, and what waits for such a task starts"
    ),
    "I17.parents": Rule("error", "while the user is paused: correct its p in `counts`: at 0 nobody who waits is told"),
    "I17.release": Rule("error", _LOGS, fleeting=True),
    "I17.releasing": Rule("error", "HSET `stats` releasing to the length of `releases`: at 0 nobody looks"),
    "I17.taskless": Rule("error", "HDEL the task from the user's `waits`"),
    "I17.totals": Rule("error", "HSET `stats` parents to the sum: at 0 nobody who waits is told"),
    "I17.untold": Rule("error", f"for each that waits for it: {_ANEW}"),
    "I17.waits": Rule("error", _ANEW),
    "I18.corrupt": Rule("error", _ADD_AGAIN),
    "I18.due": Rule(
        "error", "ZADD its id to `schedules-due` with its next fire in ms; where it is paused or has ended: ZREM it"
    ),
    "I18.overdue": Rule("error", "see the logs of the schedulers that are up; restart them", fleeting=True),
    "I18.undue": Rule("error", "`fairque schedule pause ID`, then `resume`: its next fire is worked out anew"),
    "I18.unlisted": Rule("error", _ADD_AGAIN),
    "I19.key-type": Rule("error", "delete or rename these keys: fairque did not write them"),
    "I22.bytes": Rule("error", "HSET `kept-bytes` USER to the bytes that are there"),
    "I22.flow": Rule("error", "ZADD it (USER|MARK) to `flows-due`, with the time in ms as its score: then it is swept"),
    "I22.flow-due": Rule("error", "none is needed: a worker takes it off when it is due; or ZREM it from `flows-due`"),
    "I22.flows": Rule("warning", "start a worker, or see the logs of those that are up", fleeting=True),
    "I22.index": Rule("error", "HDEL the fingerprint from `who`"),
    "I22.progress": Rule("error", "HDEL the task (USER|ID) from `progress`"),
    "I22.record": Rule("error", "queue.delete_task, once its result is not needed", fleeting=True),
    "I22.retention": Rule(
        "warning", "start more workers, or keep results for a shorter time (result_ttl_seconds)", fleeting=True
    ),
    "I22.schedule-due": Rule(
        "error", "none is needed: a scheduler takes it off when it is due; or ZREM it from `schedules-due`"
    ),
    "I22.stop": Rule("error", "HDEL the worker from `stops`, and HSET `stats` stopping to how many are left there"),
    "I22.unique": Rule("error", "HDEL from the user's `unique` the keys whose tasks have ended"),
    "I22.waiter": Rule("error", "HDEL the task (USER|ID) from `waiters`"),
    "I24.debt": Rule("error", "ZREM the user from `tags`"),
    "flows.stuck": Rule(
        "info", "`fairque flow show RUN`: retry what failed (`fairque task retry`), or `fairque flow cancel`"
    ),
    "queue.schema": Rule("error", "use the release of fairque that wrote this queue, or name another queue or prefix"),
    "schedulers.none": Rule(
        "warning", "start one: `fairque scheduler --config FILE`, or workers with `scheduler: {embedded: true}`"
    ),
    "schedules.failing": Rule(
        "warning", "`fairque schedule show ID` says why: change it, or start a scheduler of the release that wrote it"
    ),
    "server.clock": Rule("info", "none is needed: fairque goes by Redis's clock alone"),
    "server.full": Rule("error", "let workers drain the queue, or raise maxmemory; until then pushes are refused"),
    "server.hidden": Rule("info", "allow this Redis user the command INFO to have the server looked at"),
    "server.memory": Rule("warning", "let workers drain the queue, or raise maxmemory, before pushes are refused"),
    "server.policy": Rule("error", "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf"),
    "server.replica": Rule("error", "point redis.url at the primary: workers and pushes must write"),
    "server.saving": Rule("error", "see Redis's log: its disk may be full or not writable"),
    "server.version": Rule("error", "use Redis 7.0 or later, or Valkey 8 or later"),
    "server.volatile": Rule("info", "where tasks must survive a crash of Redis: appendonly yes"),
    "workers.none": Rule("warning", "start a worker: `fairque worker --config FILE`"),
    "workers.silent": Rule(
        "warning", "see whether it still runs and reaches Redis; what it held is taken back by others"
    ),
    "workers.twins": Rule("error", "give every worker process an id of its own"),
    "workers.unknown": Rule(
        "warning", "start a worker whose `tasks:` import that module, or push under the right name", fleeting=True
    ),
    "workers.unserved": Rule(
        "warning", "start a worker with these users in assigned_users or steal_targets, or with '*'", fleeting=True
    ),
}
