"""For each script the calls that take it through all its branches, against a stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from fairque.core.codec import Ending
from fairque.core.limits import Caps, UserSettings
from fairque.core.outcome import Done, Outcome
from fairque.store import claims, explained, limits, readings, removal, tasks
from fairque.store.call import Call
from tests.lua.scene import BURY, DONE, RELEASE, again, postpone
from tests.lua.stages import LISTS, LONG, Stage

AnyCall = Call[Any]
Make = Callable[[Stage], AnyCall]
KINDS: Final[dict[str, Outcome]] = {
    "done": DONE,
    "again": again(5),
    "postpone": postpone(5),
    "bury": BURY,
    "release": RELEASE,
}
CALLS: Final[dict[str, dict[str, Make]]] = {}
"""script -> what is done -> the call."""


def call(script: str, what: str) -> Callable[[Make], Make]:
    """Add a call to the table."""

    def add(make: Make) -> Make:
        CALLS.setdefault(script, {})[what] = make
        return make

    return add


# --- settle, renew --------------------------------------------------------------------------------------------------


def ended_of(stage: Stage, outcome: Outcome, user: str) -> claims.Ended:
    """Return the end of a run of this user as it goes over the wire."""
    run = stage.one_of(user)
    ending = Ending("m:f", 0, 0, "w", msgspec.Raw(b"1")) if isinstance(outcome, Done) else None
    return claims.end(run.member, run.token, outcome, ran=0, ending=ending, keep=60, keep_failed=60)


def settle(stage: Stage, *, ended: list[claims.Ended], **values: Any) -> AnyCall:
    """Return a settle of worker w."""
    values = {"lists": LISTS, "want": 0, "lease": LONG, "now": stage.scene.at(), **values}
    return claims.settle(stage.scene.root, values.pop("worker", "w"), "matrix", ended=ended, **values)


for kind, way in KINDS.items():
    for user in ("a", "c"):
        call("settle", f"{kind} {user}")(
            lambda stage, way=way, user=user: settle(stage, ended=[ended_of(stage, way, user)])
        )
        call("settle", f"{kind} {user} and claim")(
            lambda stage, way=way, user=user: settle(stage, ended=[ended_of(stage, way, user)], want=20)
        )
call("settle", "claim of everybody")(lambda stage: settle(stage, ended=[], want=2, lists=claims.SERVES_ALL))
call("settle", "claim by lists")(lambda stage: settle(stage, ended=[], want=3))
call("settle", "claim and sleep")(lambda stage: settle(stage, ended=[], want=50, block=2.0))
call("settle", "idle")(lambda stage: settle(stage, ended=[]))
call("settle", "rise")(lambda stage: settle(stage, ended=[], worker="asleep", lists=claims.SERVES_ALL))
call("renew", "of two")(
    lambda stage: claims.renew(
        stage.scene.root, [(run.member, run.token) for run in stage.held.values()], LONG, stage.scene.at()
    )
)


# --- tasks ----------------------------------------------------------------------------------------------------------


def push(stage: Stage, *entries: tuple[str, str, str, str]) -> AnyCall:
    """Return a push of these: user, id, nonce, when."""
    rows = [tasks.Entry(user, task, 3, nonce, when, b"m:f|call") for user, task, nonce, when in entries]
    return tasks.push(stage.scene.root, rows, stage.scene.at())


call("push", "a generated id")(lambda stage: push(stage, ("a", "new", "", "")))
call("push", "a generated id of a new user")(lambda stage: push(stage, ("z", "new", "", "")))
call("push", "a chosen id")(lambda stage: push(stage, ("a", "new", "n", "")))
call("push", "in place of a failed one")(lambda stage: push(stage, ("a", "failed", "n", "")))
call("push", "scheduled")(lambda stage: push(stage, ("d", "new", "n", "+1000")))
call("push", "a batch")(
    lambda stage: push(stage, *((user, f"new{n}", "n", "") for user in "abcdefz" for n in range(2)))
)
for task in ("failed", "done", "retried", "b2", "due", "a-6", "g2", "suspect", "unknown"):
    user = {"b2": "b", "due": "b", "suspect": "d"}.get(task, "a")
    call("delete", f"{user} {task}")(
        lambda stage, user=user, task=task: tasks.delete(stage.scene.root, user, task, "matrix", stage.scene.at())
    )
call("delete", "the last one that is ready")(
    lambda stage: tasks.delete(stage.scene.root, "f", "f2", "matrix", stage.scene.at())
)
call("wait", "for a task")(lambda stage: tasks.wait(stage.scene.root, "a", "a-6", "matrix", listed=True))
call("wait", "no longer")(lambda stage: tasks.wait(stage.scene.root, "a", "a-6", "waiter", listed=False))
call("get", "by user")(lambda stage: tasks.get(stage.scene.root, "a-6", "a"))
call("get", "by fingerprint")(
    lambda stage: tasks.get(stage.scene.root, f"{'0' * 24}{tasks.user_print(stage.scene.root, 'a')}", None)
)
call("explain", "by user")(lambda stage: explained.explain(stage.scene.root, "a-5", "a", stage.scene.at()))
call("explain", "of a rate")(lambda stage: explained.explain(stage.scene.root, "c2", "c", stage.scene.at()))


# --- settings -------------------------------------------------------------------------------------------------------


def change(stage: Stage, subject: str, mode: limits.Mode, **values: Any) -> AnyCall:
    """Return a change of a subject's settings."""
    kind = Caps if subject.startswith("|") else UserSettings
    return limits.change(stage.scene.root, subject, kind, mode, values, stage.scene.at())


for subject in ("a", "b", "c", "e", "*", "|m:f", "|m:g", limits.QUEUE):
    call("limit", f"set {subject}")(lambda stage, s=subject: change(stage, s, "set", rate="7/s", max_concurrency=3))
    call("limit", f"pause {subject}")(lambda stage, s=subject: change(stage, s, "set", paused=True))
    call("limit", f"reset {subject}")(lambda stage, s=subject: change(stage, s, "reset"))
call("limit", "seed")(lambda stage: change(stage, "f", "seed", weight=3))
call("free", "of all")(lambda stage: next(limits.free(stage.scene.root, "abcdef", stage.scene.at())))
call("rules", "cost")(lambda stage: limits.set_rules(stage.scene.root, None, "declared", stage.scene.at()))
call("rules", "ageing")(lambda stage: limits.set_rules(stage.scene.root, 5, None, stage.scene.at()))
call("open", "again")(lambda stage: tasks.open_queue(stage.scene.root, 60_000))
call("open", "with seeds")(lambda stage: tasks.open_queue(stage.scene.root, 60_000, "count", "s"))


# --- workers --------------------------------------------------------------------------------------------------------


def beat(stage: Stage, ms: int) -> AnyCall:
    """Return a beat so much later."""
    at, served = str(stage.scene.now + ms), {("a", "starts"): 1}
    return claims.beat(stage.scene.root, "w", "matrix", b"{}", lists=LISTS, served=served, now=at)


call("beat", "now")(lambda stage: beat(stage, 0))
call("beat", "when lists and workers are gone")(lambda stage: beat(stage, 3_600_000))
call("scope", "new")(lambda stage: next(claims.register(stage.scene.root, ["a", "z"], stage.scene.at())))
call("scope", "again")(lambda stage: next(claims.register(stage.scene.root, ["a", "b", "e"], stage.scene.at())))
call("leave", "of a worker")(lambda stage: claims.leave(stage.scene.root, "w", LISTS))


# --- reading --------------------------------------------------------------------------------------------------------

for table in ("counts", "busy", "workers", "workers-seen", "limits", "held", "served:0"):
    call("page", table)(lambda stage, t=table: next(readings.table(stage.scene.root, t)))
call("sizes", "of a user")(lambda stage: readings.sizes(stage.scene.root, "a"))
call("stats", "of the queue")(lambda stage: readings.stats(stage.scene.root, "q"))
call("drop", "a page")(lambda stage: removal.drop(stage.scene.root, removal.BEGIN))
