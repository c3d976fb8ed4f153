"""What must hold of each task's life: nothing lost, nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.evidence import Evidence, Violation
from tests.chaos.jobs import doomed, poison
from tests.chaos.journal import Accepted, Granted, Key, Settled

LOST_MAX = 3
STARTING = 3000.0
"""ms after a cut: a worker that lost Redis while it started may be seen to have ended."""
CUTTING = ("redis kill", "client kill", "dropped reply")
TERMINAL = {"finished": "finished", "failed": "failed", "buried": "failed"}


def acked_pushes_end_once(evidence: Evidence) -> Iterator[Violation]:
    """I2: a push that was answered is never lost: it has run, and has ended in one way that its job may end in."""
    ran = {(began.user, began.id) for began in evidence.began}
    for push in evidence.pushes:
        if not push.acked:
            continue
        key = push.user, push.id
        final, task = evidence.final.get(key), evidence.tasks.get(key)
        if final is None or task is None:
            yield Violation("I2", f"{push.serial} was accepted as {push.id} and is gone")
        elif final.state not in TERMINAL.values():
            yield Violation("I2", f"{push.serial} is {final.state} in the end")
        elif final.lost < LOST_MAX and (final.state == "failed") != (task.name == doomed.name):
            yield Violation("I2", f"{push.serial}, a {task.name}, is {final.state} in the end")
        elif key not in ran and final.lost < LOST_MAX:
            yield Violation("I2", f"{push.serial} has {final.state} and never ran")


def pushes_make_one_task(evidence: Evidence) -> Iterator[Violation]:
    """I3: whatever reply is lost, a push makes one task; one that was in doubt made one at most."""
    made = Counter(task.serial for task in evidence.journal if isinstance(task, Accepted))
    known = {push.serial for push in evidence.pushes}
    for serial, count in made.items():
        if count > 1:
            yield Violation("I3", f"{serial} made {count} tasks")
        if serial not in known:
            yield Violation("I3", f"{serial} was made and nobody pushed it")


def leases_are_one_a_task(evidence: Evidence) -> Iterator[Violation]:
    """I4: a task has one lease at most, and whoever runs it has it; a run never begins after its lease was taken."""
    held: dict[Key, Granted] = {}
    for entry in evidence.journal:
        if isinstance(entry, Granted):
            if (other := held.get(entry.key)) is not None:
                yield Violation("I4", f"{entry.key[1]}: granted as {entry.token} while {other.token} held it")
            held[entry.key] = entry
        elif isinstance(entry, Settled):
            held.pop(entry.key, None)
    granted = {grant.token: grant for grant in evidence.grants}
    for began in evidence.began:
        grant = granted.get(began.token)
        if grant is None or (grant.key, grant.worker) != ((began.user, began.id), began.worker):
            yield Violation("I4", f"{began.id}: {began.worker} ran it by token {began.token}, which is not its own")
            continue
        end = evidence.settled.get(began.token)
        if end is not None and began.at > end.at + 50 and "stop" not in evidence.causes(grant, began.at):
            yield Violation("I4", f"{began.id}: began {began.at - end.at:.0f} ms after its lease had ended")


def attempts_rise(evidence: Evidence) -> Iterator[Violation]:
    """I5: tokens rise with every grant; attempts are counted 1, 2, 3; each is begun once."""
    last = 0
    for grant in sorted(evidence.grants, key=lambda grant: (grant.step, grant.token)):
        if grant.token <= last:
            yield Violation("I5", f"token {grant.token} was given after {last}")
        last = grant.token
    for key, grants in evidence.grants_of.items():
        if [grant.attempt for grant in grants] != list(range(1, len(grants) + 1)):
            yield Violation("I5", f"{key[1]}: granted as attempts {[grant.attempt for grant in grants]}")
    for token, count in Counter(began.token for began in evidence.began).items():
        if count > 1:
            yield Violation("I5", f"token {token} was begun {count} times")


def outcomes_are_final(evidence: Evidence) -> Iterator[Violation]:
    """I6, I7: a task ends once, is not granted afterwards, ends as the queue shows it, and by a run that held it."""
    over: dict[Key, Settled] = {}
    for entry in evidence.journal:
        if isinstance(entry, Granted) and entry.key in over:
            yield Violation("I7", f"{entry.key[1]}: granted after it had {over[entry.key].how}")
        elif isinstance(entry, Settled) and entry.how in TERMINAL:
            if entry.key in over:
                yield Violation("I7", f"{entry.key[1]}: {entry.how} after it had {over[entry.key].how}")
            over[entry.key] = entry
    for key, end in over.items():
        final, run, told = evidence.final.get(key), evidence.run_of.get(end.token), evidence.ended.get(end.token)
        if final is not None and final.state != TERMINAL[end.how]:
            yield Violation("I7", f"{key[1]}: {end.how}, and in the end it is {final.state}")
        if end.how == "buried":
            continue
        if run is None or told is None or told.how != {"finished": "success", "failed": "failure"}[end.how]:
            yield Violation("I6", f"{key[1]}: {end.how} by token {end.token}, whose run did not say so")
        elif end.how == "finished" and f",{run.attempt},{run.pid}]".encode() not in end.result.replace(b" ", b""):
            yield Violation("I6", f"{key[1]}: the accepted result {end.result!r} is another run's")


def executions_are_explained(evidence: Evidence) -> Iterator[Violation]:
    """I8: whatever is granted again was lost to a recorded fault, given back unstarted, or asked for it."""
    for grant in evidence.grants:
        end = evidence.settled.get(grant.token)
        run = evidence.run_of.get(grant.token)
        if end is None:
            yield Violation("I8", f"{grant.key[1]}: grant {grant.token} to {grant.worker} never ended")
        elif end.how in ("lost", "buried") and not evidence.causes(grant, end.at):
            yield Violation("I8", f"{grant.key[1]}: {grant.worker} lost grant {grant.token} and no fault explains it")
        elif end.how == "released" and run is not None:
            yield Violation("I8", f"{grant.key[1]}: grant {grant.token} was given back after it had begun")
        elif end.how == "retried" and _told(evidence, grant.token) != "retry":
            yield Violation("I8", f"{grant.key[1]}: retried, which its run had not asked for")


def _told(evidence: Evidence, token: int) -> str:
    ended = evidence.ended.get(token)
    return "" if ended is None else ended.how


def poison_is_buried(evidence: Evidence) -> Iterator[Violation]:
    """I11: a task that kills its worker three times has failed (lost) and is never run a fourth time."""
    runs = Counter((began.user, began.id) for began in evidence.began)
    for key, task in evidence.tasks.items():
        if task.name != poison.name:
            continue
        final = evidence.final.get(key)
        if final is None or final.state != "failed" or final.lost != LOST_MAX or runs[key] > LOST_MAX:
            yield Violation("I11", f"{key[1]}: a poison task ran {runs[key]} times and is {final} in the end")


def nothing_is_left(evidence: Evidence) -> Iterator[Violation]:
    """I1, I22: in the end each task is in one state, the totals say how many, and nothing is left of the runs."""
    states = Counter(final.state for final in evidence.final.values())
    hows = Counter(end.how for end in evidence.settled.values())
    expected = {
        "queued": 0,
        "started": 0,
        "scheduled": 0,
        "deferred": 0,
        "finished_total": states["finished"],
        "failed_total": states["failed"],
        "failed": states["failed"],
        "retried_total": hows["retried"],
        "lost_total": hows["lost"] + hows["buried"],
    }
    for name, number in expected.items():
        if evidence.totals.get(name, 0) != number:
            yield Violation("I1", f"stats: {name} is {evidence.totals.get(name)}, {number} are there")
    for key, size in evidence.left.items():
        if size:
            yield Violation("I22", f"{key} has {size} entries in the end")


def workers_go_on(evidence: Evidence) -> Iterator[Violation]:
    """No round of a worker failed, and no worker ended by itself, but for want of Redis."""
    for trouble in evidence.troubles:
        yield Violation("trouble", f"{trouble.whom} ({trouble.pid}): {trouble.text}")
    cuts = [fault for fault in evidence.faults if fault.kind in CUTTING]
    for fault in evidence.faults:
        near = (cut for cut in cuts if cut.began <= fault.ended and cut.ended + STARTING >= fault.began)
        if fault.kind.startswith("exit") and not any(cut.whom in ("redis", fault.whom) for cut in near):
            yield Violation("trouble", f"{fault.whom} ({fault.pid}) ended by itself: {fault.kind}")


RULES = (
    acked_pushes_end_once,
    pushes_make_one_task,
    leases_are_one_a_task,
    attempts_rise,
    outcomes_are_final,
    executions_are_explained,
    poison_is_buried,
    nothing_is_left,
    workers_go_on,
)
