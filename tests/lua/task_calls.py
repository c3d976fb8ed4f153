"""Calls about tasks, against a stage."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import msgspec

from fairque.core.codec import Ending
from fairque.core.ids import format_task_id
from fairque.core.outcome import Done, Outcome, Progress
from fairque.store import claims, explained, fates, progress, tasks, xcom
from tests.lua.book import AnyCall, call
from tests.lua.scene import BURY, DONE, RELEASE, again, postpone
from tests.lua.stages import LISTS, LONG, Stage, find_value, leave_value

KINDS: Final[dict[str, Outcome]] = {
    "done": DONE,
    "again": again(5),
    "postpone": postpone(5),
    "bury": BURY,
    "release": RELEASE,
}
WAITING: Final = ("a unique", "a a-6", "b b2", "b due", "d g2", "e e1", "f f2", "f f3", "a a2")
"""Tasks that wait in one stage or another, and one that runs."""


# --- settle, renew --------------------------------------------------------------------------------------------------


def ended_of(stage: Stage, outcome: Outcome, run_name: str) -> claims.Ended:
    """Return the end of a run (`user task`) as it goes over the wire."""
    run = stage.held[run_name]
    ending = Ending("m:f", 0, 0, "w", msgspec.Raw(b"1")) if isinstance(outcome, Done) else None
    return claims.end(run.member, run.token, outcome, ran=0, ending=ending, keep=60, keep_failed=60)


def settle(stage: Stage, *, ended: list[claims.Ended], **values: Any) -> AnyCall:
    """Return a settle of worker w."""
    values = {"lists": LISTS, "want": 0, "lease": LONG, "now": stage.scene.at(), **values}
    return claims.settle(stage.scene.root, values.pop("worker", "w"), "matrix", ended=ended, **values)


def end_run(stage: Stage, run_name: str, outcome: Outcome, want: int) -> AnyCall:
    """Return a settle of one run."""
    return settle(stage, ended=[ended_of(stage, outcome, run_name)], want=want)


for kind, way in KINDS.items():
    call("settle", kind)(partial(end_run, run_name="a a-6", outcome=way, want=0))
    call("settle", f"{kind} and claim")(partial(end_run, run_name="d critical", outcome=way, want=20))
call("settle", "done with a unique key")(partial(end_run, run_name="a runs", outcome=DONE, want=0))
call("settle", "done of a suspect")(partial(end_run, run_name="d suspect", outcome=DONE, want=20))
call("settle", "release under a rate")(partial(end_run, run_name="c c1", outcome=RELEASE, want=20))
call("settle", "claim of everybody")(lambda stage: settle(stage, ended=[], want=2, lists=claims.SERVES_ALL))
call("settle", "claim by lists")(lambda stage: settle(stage, ended=[], want=3))
call("settle", "claim and sleep")(lambda stage: settle(stage, ended=[], want=50, block=2.0))
call("settle", "idle")(lambda stage: settle(stage, ended=[]))
call("settle", "rise")(lambda stage: settle(stage, ended=[], worker="asleep", lists=claims.SERVES_ALL))
call("renew", "of all")(lambda stage: claims.renew(stage.scene.root, stage.leases(), LONG, stage.scene.at()))


# --- tasks ----------------------------------------------------------------------------------------------------------


def push(stage: Stage, *entries: tuple[str, str, str, str], label: str = "m:f") -> AnyCall:
    """Return a push of these: user, id, nonce, when."""
    body = f"{label}|call".encode()
    rows = [tasks.Entry(user, task, 3, nonce, when, body) for user, task, nonce, when in entries]
    return tasks.push(stage.scene.root, rows, stage.scene.at())


def generated_id(stage: Stage) -> str:
    """Return the id of a task of user a as a push would generate it."""
    return format_task_id(0, 0, 0, tasks.user_print(stage.scene.root, "a"))


call("push", "a generated id")(lambda stage: push(stage, ("a", "new", "", "")))
call("push", "a generated id of a new user")(lambda stage: push(stage, ("z", "new", "", "")))
call("push", "a chosen id")(lambda stage: push(stage, ("a", "new", "n", "")))
call("push", "in place of a failed one")(lambda stage: push(stage, ("a", "failed", "n", "")))
call("push", "with a unique key")(lambda stage: push(stage, ("a", "new", "n", ""), label="m:f #other"))
call("push", "with a unique key that is taken")(lambda stage: push(stage, ("a", "new", "n", ""), label="m:f #key"))
call("push", "to start in time")(lambda stage: push(stage, ("a", "new", "n", "/1000")))
call("push", "scheduled")(lambda stage: push(stage, ("d", "new", "n", "+1000")))
call("push", "a batch")(lambda stage: push(stage, *((user, task, "n", "") for user in "abcdefz" for task in "xy")))


def delete(stage: Stage, task: str) -> AnyCall:
    """Return a deletion of `user task`."""
    user, task_id = task.split()
    return tasks.delete(stage.scene.root, user, task_id, "matrix", stage.scene.at())


for task in ("a failed", *WAITING):
    call("delete", task)(partial(delete, task=task))


def cancel(stage: Stage, task: str) -> AnyCall:
    """Return a cancel of `user task`."""
    user, task_id = task.split()
    return fates.cancel(stage.scene.root, user, task_id, 60, "matrix", now=stage.scene.at())


for task in ("a failed", *WAITING):
    call("cancel", task)(partial(cancel, task=task))


def requeue(stage: Stage, task: str) -> AnyCall:
    """Return a request to queue `user task` again."""
    user, task_id = task.split()
    return fates.requeue(stage.scene.root, user, [(task_id, None)], "matrix", now=stage.scene.at())


for task in ("a failed", "c canceled"):
    call("requeue", task)(partial(requeue, task=task))
call("purge", "of a failed task")(
    lambda stage: fates.purge(stage.scene.root, "a", ["failed", "done"], "matrix", stage.scene.at())
)
call("purge", "of the last one")(lambda stage: fates.purge(stage.scene.root, "h", ["only"], "matrix", stage.scene.at()))
call("failed", "a page")(lambda stage: fates.failed(stage.scene.root, "a", None, 10))
call("failed", "the next page")(lambda stage: fates.failed(stage.scene.root, "a", fates.Place("none", 1), 10))


def erase(stage: Stage, user: str) -> AnyCall:
    """Return the removal of a user."""
    return fates.erase(stage.scene.root, user, "matrix", stage.scene.at())


for user in "acdz":
    call("erase", user)(partial(erase, user=user))
call("progress", "of all")(
    lambda stage: progress.report(
        stage.scene.root, [progress.Report(*lease, Progress(7, "")) for lease in stage.leases()]
    )
)
for scope in xcom.SCOPES:
    call("xcom", f"of a {scope}")(partial(leave_value, key="own", scope=scope))
for key in ("own", "made", "shared", "none"):
    call("pull", key)(partial(find_value, key=key))
call("wait", "for a task")(lambda stage: tasks.wait(stage.scene.root, "a", "a-6", "matrix", listed=True))
call("wait", "no longer")(lambda stage: tasks.wait(stage.scene.root, "a", "a-6", "waiter", listed=False))
call("get", "by user")(lambda stage: tasks.get(stage.scene.root, "a-6", "a"))
call("get", "by fingerprint")(lambda stage: tasks.get(stage.scene.root, generated_id(stage), None))
call("explain", "by user")(lambda stage: explained.explain(stage.scene.root, "a-5", "a", stage.scene.at()))
call("explain", "by fingerprint")(
    lambda stage: explained.explain(stage.scene.root, generated_id(stage), None, stage.scene.at())
)
call("explain", "of a rate")(lambda stage: explained.explain(stage.scene.root, "c2", "c", stage.scene.at()))
