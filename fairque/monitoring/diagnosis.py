"""From facts to findings: what must agree about a user, a queue and a page of a table. Pure; nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fairque.core.ids import decode_id
from fairque.monitoring import diagnosis_schedules
from fairque.monitoring.findings import Finding, finding
from fairque.store.checkup import Fault, QueueFacts, UserFacts
from fairque.store.checkup_sums import Slot, Sums
from fairque.store.tasks import SCHEMA

OVERDUE: Final = 5.0
"""Seconds after which a task that is due should have been made ready by a worker with a free slot."""
LAPSED: Final = 10.0
"""Seconds after which a lease that has lapsed should have been reaped by a worker with a free slot."""
UNSWEPT: Final = 600.0
"""Seconds after which a record that has expired should be gone."""

_USER_FAULTS: Final = {
    "lost": (
        "I1.lost",
        "it is queued by its record, but in no lane, not running and not set aside: it would never start",
    ),
    "twice": ("I4.twice", "it runs and is in a lane, too (or set aside): it would start twice"),
    "stranded": ("I1.stranded", "it is set aside under its name, where nobody looks for it: it would never start"),
    "corrupt": ("I1.corrupt", "its record is not one that fairque wrote"),
    "sequence": ("I12.sequence", "its place is beyond the last one given: new tasks would start before it"),
    "unawaited": (
        "I17.waits",
        "it is deferred by its record, but nothing says for how many it waits: it would never start",
    ),
    "untold": ("I17.untold", "it has ended, and nobody is left to tell those that wait for it: they would never start"),
    "unscheduled": ("I16.unscheduled", "it is scheduled by its record, but in no timetable: it would never start"),
    "keyless": ("I1.unique", "its unique key does not lead to it: another task of that key could be made"),
    "unexpiring": ("I16.expiry", "it is to be canceled if it has not started by a time, but stands in no timetable"),
    "unlisted": ("I1.failed", "it has failed by its record, but is not among the dead letters"),
    "unswept": ("I22.record", "it has ended and is in no list of what expires: it would be kept for ever"),
}
_TABLE_FAULTS: Final = {
    "run_corrupt": ("I4.record", "the facts of its run are not what fairque wrote"),
    "run_record": ("I4.record", "it runs, but its record is not that of a task that was started"),
    "no_lease": ("I4.lease", "it runs without a lease: if its worker dies, nobody takes it back"),
    "no_run": ("I4.run", "it has a lease but does not run: no worker can take what lapses as long as it is there"),
    "token": ("I5.token", "its token is beyond the last one given: another run could be given the same"),
    "progress": ("I22.progress", "there is word of how far it has come, but it does not run"),
    "stop": ("I22.stop", "this worker is asked to stop a task that it does not run"),
    "suspect": (
        "I11.suspect",
        "this worker is said to run a task that was lost before, but it does not: it gets no other",
    ),
    "flow_corrupt": ("I17.flow", "what is known of it is not what fairque wrote"),
    "flow_unnamed": ("I17.flow-name", "it is not found by its run id"),
    "flow_due": ("I17.flow-end", "it has tasks that have not ended, and is to be forgotten all the same"),
    "flow_kept": ("I22.flow", "it is in no timetable: it would be kept for ever"),
    "no_flow": ("I22.flow-due", "it is to be forgotten, but is not there"),
    "due_record": ("I16.due", "it stands in the timetable, but is not scheduled by its record"),
    "waiter": ("I22.waiter", "somebody is listed as waiting for its result, but it has ended or is not there"),
    **diagnosis_schedules.FAULTS,
    "who": ("I22.index", "the index of fingerprints leads to a user that has no task, or not this fingerprint"),
}


def of_user(user_id: str, facts: UserFacts) -> Iterator[Finding]:
    """Yield what does not agree about a user."""
    subject = f"user {user_id}"
    for code, said in (*_counts(facts), *_turn(facts)):
        yield finding(code, subject, said)
    for kind, task in facts.page.faults:
        code, text = _USER_FAULTS[kind]
        yield finding(code, f"task {decode_id(task)} of {user_id}", text)


def _counts(facts: UserFacts) -> Iterator[tuple[str, str]]:
    entries, counted = sum(facts.lanes), facts.ready + facts.ghosts
    if entries != counted or (facts.lanes != facts.counted and not facts.ghosts):
        yield "I1.lanes", f"{counted:,} ready tasks are counted, its lanes hold {entries:,} {_levels(facts)}"
    if facts.aside_entries is not None and facts.aside_entries < facts.aside:
        yield "I1.aside", f"{facts.aside:,} tasks are counted as set aside, {facts.aside_entries:,} are there"
    if facts.failed != facts.failed_ids:
        yield "I1.failed", f"{facts.failed:,} failed tasks are counted, {facts.failed_ids:,} are listed"
    if facts.waits < facts.deferred:
        yield "I17.waits", f"{facts.deferred:,} deferred tasks are counted, {facts.waits:,} are listed as waiting"
    if facts.records and not facts.indexed:
        yield "I1.index", f"{facts.records:,} tasks are kept, but the index of fingerprints does not lead to this user"
    if facts.whole:
        of = facts.places
        pairs = {
            "ready": (facts.ready, of.queued),
            "set aside": (facts.aside, of.aside),
            "scheduled": (facts.scheduled, of.scheduled),
            "deferred": (facts.deferred, of.deferred),
            "failed": (facts.failed, of.failed),
            "running": (facts.running, of.running),
        }
        off = [
            f"{counted:,} {what} but {there:,} by the records"
            for what, (counted, there) in pairs.items()
            if counted != there
        ]
        if off:
            yield "I1.records", f"counted are {', '.join(off)}"
        if of.keys != facts.unique:
            yield "I22.unique", f"{of.keys:,} living tasks have a unique key, {facts.unique:,} keys are taken"
        if of.ended_bytes != facts.kept_bytes:
            said = f"its ended records are counted as {facts.kept_bytes:,} bytes, they are {of.ended_bytes:,}"
            yield "I22.bytes", said


def _levels(facts: UserFacts) -> str:
    levels = [
        f"level {level}: {counted:,} and {there:,}"
        for level, (counted, there) in enumerate(zip(facts.counted, facts.lanes, strict=True), 1)
        if counted != there
    ]
    return f"({', '.join(levels)})"


def _turn(facts: UserFacts) -> Iterator[tuple[str, str]]:
    if facts.ready and facts.tag is None and not facts.held:
        yield (
            "I1.turn",
            f"{facts.ready:,} tasks are ready, but its turn never comes: it is not in the ring and not held",
        )
    if facts.tag is not None and facts.held:
        yield "I1.turns", "it is in the ring and held outside it at once"
    if not facts.ready and (facts.tag is not None or facts.held):
        yield "I1.idle-turn", f"it is {'held' if facts.held else 'in the ring'}, but has nothing ready"
    if facts.tag is not None and facts.owes:
        yield "I24.debt", "it is in the ring and has a debt beside it, as if it were outside"
    if _is_stuck(facts):
        yield "I15.held", f"it is held outside the ring ({_BARS[facts.held]}), and nothing that will happen lets it go"
    if facts.lists_without:
        names = ", ".join(facts.lists_without)
        yield "I14.list", f"workers that serve a list of users with it in it would not find it (lists {names})"


_BARS: Final = {"p": "paused", "c": "max_concurrency", "r": "rate"}


def _is_stuck(facts: UserFacts) -> bool:
    match facts.held:
        case "p":
            return facts.bar != "p"
        case "c":
            return facts.bar != "c" and facts.running == 0
        case "r":
            return not facts.opening
    return facts.held != ""


def of_faults(faults: Iterable[Fault]) -> Iterator[Finding]:
    """Yield what entries of a table lead nowhere."""
    for kind, where in faults:
        code, text = _TABLE_FAULTS[kind]
        yield finding(code, _subject_of(kind, where), text)


def _subject_of(kind: str, where: str) -> str:
    if kind in ("suspect", "stop"):
        return f"worker {where}"
    if kind == "who":
        return f"fingerprint {where}"
    if "schedule" in kind:
        return f"schedule {decode_id(where)}"
    user, _, named = where.partition("|")
    return f"{'run' if 'flow' in kind else 'task'} {decode_id(named)} of {decode_id(user)}"


def of_sums(sums: Sums) -> Iterator[Finding]:
    """Yield what does not add up."""
    if sums.of_users is None:
        return
    *states, parents = zip(sums.totals, sums.of_users, strict=True)
    for what, (total, part) in zip(("queued", "scheduled", "failed", "deferred"), states, strict=True):
        if total != part:
            yield finding("I1.totals", "queue", f"the total of {what} is {total:,}, all users together have {part:,}")
    if parents[0] != parents[1]:
        said = f"{parents[0]:,} tasks are counted that others wait for, all users together have {parents[1]:,}"
        yield finding("I17.totals", "queue", said)
    waiting = sums.of_users[0] + sums.of_users[1] + sums.of_users[3]
    if sums.of_names != waiting:
        yield finding("I1.names", "queue", f"{waiting:,} tasks wait, by their names {sums.of_names:,} do")


def of_slots(slots: Iterable[Slot]) -> Iterator[Finding]:
    """Yield whose runs are not as many as was counted."""
    for subject, counted, running in slots:
        name = f"task name {subject[1:]}" if subject.startswith("|") else f"user {decode_id(subject)}"
        yield finding("I15.slots", name, f"{counted:,} runs are counted, there are {running:,}")


def of_queue(facts: QueueFacts, *, workers: bool, room: bool) -> Iterator[Finding]:
    """Yield what is wrong with a queue as a whole. workers: is any up; room: has any of them a free slot."""
    if facts.due < facts.scheduled:
        yield finding(
            "I16.timetable", "queue", f"{facts.scheduled:,} tasks are scheduled, the timetable has {facts.due:,}"
        )
    if facts.scopes != facts.scopes_counted:
        yield finding(
            "I14.lists", "queue", f"{facts.scopes:,} lists of users are registered, {facts.scopes_counted:,} counted"
        )
    if (facts.limits or facts.held) and not facts.limited:
        yield finding("I15.caps", "queue", "users have caps or are held by some, but nobody looks: none is counted")
    if facts.parked and not facts.named:
        yield finding(
            "I15.parked", "queue", f"tasks of {facts.parked:,} names are set aside, and nobody looks for them"
        )
    if bool(facts.stops) != bool(facts.stopping):
        said = f"{facts.stopping:,} runs are to stop by the count, those of {facts.stops:,} workers by the list"
        yield finding("I22.stop", "queue", said)
    ahead = (facts.now - facts.clock) / 1000
    if ahead > 1:
        yield finding(
            "I16.clock", "server", f"Redis's clock was set back: this queue's time is {ahead:,.0f} s ahead of it"
        )
    if room:
        yield from _late(facts)
    expired = _since(facts.first_expiry, facts)
    if workers and expired > UNSWEPT:
        yield finding("I22.retention", "queue", f"records that expired {expired / 60:,.0f} min ago are still kept")


def _late(facts: QueueFacts) -> Iterator[Finding]:
    due = _since(facts.first_due, facts)
    if due > OVERDUE:
        yield finding(
            "I16.overdue", "queue", f"a task has been due for {due:,.0f} s, and workers are up with slots free"
        )
    lapsed = min(_since(facts.first_lease, facts), _since(facts.reaping_from, facts))
    if lapsed > LAPSED:
        yield finding("I9.reaper", "queue", f"a lease lapsed {lapsed:,.0f} s ago, and no worker took its task back")


def _since(instant: int | None, facts: QueueFacts) -> float:
    return 0.0 if instant is None else (facts.now - instant) / 1000


def knows_layout(facts: QueueFacts) -> Finding | None:
    """Return what is wrong with the data layout, if anything."""
    if facts.schema == int(SCHEMA) or (facts.schema == 0 and facts.counts + facts.runs + facts.users == 0):
        return None
    what = (
        f"has data layout {facts.schema}, this release knows {SCHEMA}" if facts.schema else "has lost its own numbers"
    )
    return finding("queue.schema", "queue", f"the queue {what}: nothing else was looked at")
