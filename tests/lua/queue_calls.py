"""Calls about settings and workers, and those that only read, against a stage."""

from __future__ import annotations

from functools import partial
from typing import Any

from fairque.core.limits import Caps, UserSettings
from fairque.store import checkup, checkup_sums, claims, limits, readings, removal, server, tasks
from fairque.store.call import Call
from tests.lua.book import AnyCall, call
from tests.lua.stages import LISTS, Stage

# --- settings -------------------------------------------------------------------------------------------------------


def change(stage: Stage, subject: str, mode: limits.Mode, **values: Any) -> AnyCall:
    """Return a change of a subject's settings."""
    kind = Caps if subject.startswith("|") else UserSettings
    return limits.change(stage.scene.root, subject, kind, mode, values, stage.scene.at())


for subject in ("a", "b", "c", "*", "|m:g", limits.QUEUE):
    call("limit", f"set {subject}")(partial(change, subject=subject, mode="set", rate="7/s", max_concurrency=3))
for subject in ("b", "c", "e", "*", "|m:f", "|m:g", limits.QUEUE):
    call("limit", f"reset {subject}")(partial(change, subject=subject, mode="reset"))
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


def leave(stage: Stage, worker: str) -> AnyCall:
    """Return a worker's goodbye."""
    return claims.leave(stage.scene.root, worker, LISTS)


call("bereave", "of a worker")(
    lambda stage: Call("bereave", stage.scene.root, (stage.scene.at(), "w", 99, "0", readings.PAGE), list)
)
call("beat", "now")(lambda stage: beat(stage, 0))
call("beat", "when lists and workers are gone")(lambda stage: beat(stage, 3_600_000))
call("scope", "new")(lambda stage: next(claims.register(stage.scene.root, ["a", "z"], stage.scene.at())))
call("scope", "again")(lambda stage: next(claims.register(stage.scene.root, ["a", "b", "e"], stage.scene.at())))
for worker in ("w", "asleep"):
    call("leave", worker)(partial(leave, worker=worker))


# --- reading --------------------------------------------------------------------------------------------------------


def page(stage: Stage, table: str) -> AnyCall:
    """Return a reading of a page of a table."""
    return Call("page", stage.scene.root, (table, "0", readings.PAGE), list)


for table in ("counts", "workers-seen"):
    call("page", table)(partial(page, table=table))
call("server", "what it is like")(lambda stage: server.eviction_policy(stage.scene.root))
call("check_queue", "all of it")(lambda stage: checkup.look_at_queue(stage.scene.root, stage.scene.at()))
call("check_user", "of two lists")(lambda stage: checkup.look_at_user(stage.scene.root, "a", now=stage.scene.at()))
call("check_user", "with tasks set aside")(
    lambda stage: checkup.look_at_user(stage.scene.root, "d", now=stage.scene.at())
)


def check_page(stage: Stage, table: str) -> AnyCall:
    """Return a check of a page of a table."""
    return checkup.look_at_page(stage.scene.root, table, checkup.BEGIN)


for table in checkup.TABLES:
    call("check_page", table)(partial(check_page, table=table))
call("check_sums", "of all")(lambda stage: checkup_sums.add_up(stage.scene.root))
call("check_slots", "of all")(lambda stage: checkup_sums.count_runs(stage.scene.root))
call("sizes", "of a user")(lambda stage: readings.sizes(stage.scene.root, "a"))
call("stats", "of the queue")(lambda stage: readings.stats(stage.scene.root, "q"))
call("drop", "a page")(lambda stage: removal.drop(stage.scene.root, removal.BEGIN))
