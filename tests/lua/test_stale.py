"""A write with an old token changes nothing and is told so, whatever became of its task meanwhile (I6, I7). The matrix
is every way to write for a run times every state that its task may be in.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from fairque.core.outcome import Canceled, Failure, Outcome, Progress
from fairque.core.state import LETTERS
from fairque.errors import StaleLease
from fairque.store import fates, progress, removal, scripts, tasks, xcom
from fairque.store.flows import Fence
from fairque.store.records import Grant
from tests.lua.keytable import LUA
from tests.lua.scene import BURY, DONE, LEASE, RELEASE, Scene, again, postpone
from tests.lua.shelf import Contents, Shelf
from tests.lua.weaving import Knot, depend, requeue, weave

CANCELED = Canceled(Failure("canceled", ""))
Write = Callable[[Scene, Grant], bool]
Fate = Callable[[Scene], object]


def ending(outcome: Outcome) -> Write:
    """Return the write that ends a run so; it says whether it was told that it is stale."""
    return lambda scene, old: scene.end([old], outcome) == [0]


WRITES: dict[str, tuple[str, Write]] = {
    "settle D": ("settle", ending(DONE)),
    "settle R": ("settle", ending(again(5))),
    "settle P": ("settle", ending(postpone(5))),
    "settle B": ("settle", ending(BURY)),
    "settle L": ("settle", ending(RELEASE)),
    "settle C": ("settle", ending(CANCELED)),
    "progress": ("progress", lambda scene, old: reported(scene, old) == [False]),
    "xcom of the run": ("xcom", lambda scene, old: not pushed(scene, old, "run")),
    "xcom of the user": ("xcom", lambda scene, old: not pushed(scene, old, "user")),
    "tasks of its own": ("enqueue", lambda scene, old: not added(scene, old, mode="whole")),
    "tasks of its flow": ("enqueue", lambda scene, old: not added(scene, old, mode="join")),
    "tasks that its children wait for": ("enqueue", lambda scene, old: not added(scene, old, mode="whole", last=["n"])),
    "renew": ("renew", lambda scene, old: scene.renew(old) == [False]),
}
"""By name, a settle's with the letter of the outcome: the script, and how a run's old holder writes."""


def again_granted(scene: Scene, worker: str) -> list[Grant]:
    """Let a worker have the task."""
    return [grant for grant in scene.claim(9, worker=worker) if grant.task_id == "t"]


def ended(outcome: Outcome) -> Fate:
    """Return the fate of a task whose next run ends so."""
    return lambda scene: scene.end(again_granted(scene, "new"), outcome)


def deleted(scene: Scene) -> None:
    scene.end(again_granted(scene, "new"), DONE)
    assert scene.delete("a", "t")


def canceled(scene: Scene) -> None:
    scene.settle()
    scene.run(fates.cancel(scene.root, "a", "t", 60, "c", now=scene.at()))


def canceled_running(scene: Scene) -> None:
    again_granted(scene, "new")
    scene.run(fates.cancel(scene.root, "a", "t", 60, "c", now=scene.at()))


def queued_again(scene: Scene) -> None:
    scene.end(again_granted(scene, "new"), BURY)
    assert requeue(scene, "t")


def waits_again(scene: Scene) -> None:
    scene.end(again_granted(scene, "new"), BURY)
    assert requeue(scene, "t", "second")


def purged(scene: Scene) -> None:
    scene.end(again_granted(scene, "new"), BURY)
    scene.run(fates.purge(scene.root, "a", ["t"], "p", now=scene.at()))


def reported(scene: Scene, run: Grant) -> list[bool]:
    return scene.run(progress.report(scene.root, [progress.Report(run.member, run.token, Progress(5, ""))]))


def pushed(scene: Scene, run: Grant, scope: xcom.Scope) -> bool:
    return scene.run(xcom.push(scene.root, run, "key", b"1", 60, scope, scene.at()))


def added(scene: Scene, run: Grant, **options: Any) -> bool:
    fence = Fence(run.member, run.token, holds="last" in options)
    try:
        weave(scene, Knot("n"), fence=fence, **options)
    except StaleLease:
        return False
    return True


def pushed_anew(scene: Scene) -> None:
    scene.end(again_granted(scene, "new"), DONE)
    scene.push("a", "t")


def unknown(scene: Scene) -> None:
    cursor = removal.BEGIN
    while (cursor := scene.run(removal.drop(scene.root, cursor))) != removal.BEGIN:
        pass


def lost_for_good(scene: Scene) -> None:
    for n in range(5):  # a worker holds one suspect at a time, and it may be another user's
        again_granted(scene, f"new-{n}")
        scene.now += int(LEASE * 1000)
    scene.settle()


STATES: dict[str, tuple[str, Fate]] = {
    "waiting": ("Q", lambda scene: scene.settle()),
    "running under another's token": ("R", lambda scene: again_granted(scene, "new")),
    "running under a newer token of its own": ("R", lambda scene: again_granted(scene, "w")),
    "given back": ("Q", ended(RELEASE)),
    "scheduled": ("W", ended(again(5))),
    "finished": ("F", ended(DONE)),
    "failed": ("X", ended(BURY)),
    "failed, being lost": ("X", lost_for_good),
    "canceled": ("C", canceled),
    "canceled while it runs": ("R", canceled_running),
    "queued again": ("Q", queued_again),
    "queued again, to wait for another": ("D", waits_again),
    "purged": ("", purged),
    "erased": ("", lambda scene: scene.run(fates.erase(scene.root, "a", "e", scene.at()))),
    "deleted": ("", deleted),
    "pushed anew": ("Q", pushed_anew),
    "unknown": ("", unknown),
}
"""By name: the letter of the task's record then (R: it runs), and what happens once the old lease has lapsed."""


def standing(scene: Scene) -> Contents:
    """Return all that stands there, but for the clock and what is remembered of the last answer."""
    found = Shelf(scene.client, scene.root).read()
    kept = {key: value for key, value in found.items() if not key.startswith(scene.key("last:").encode())}
    stats = kept.get(scene.key("stats").encode())
    if isinstance(stats, dict):
        stats.pop(b"now", None)
    return kept


def letter(scene: Scene) -> str:
    record = scene.run(tasks.get(scene.root, "t", "a"))
    return "" if record is None else "R" if record.run else record.letter


@pytest.fixture(params=["a", "c"])
def old(scene: Scene, request: pytest.FixtureRequest) -> Grant:
    """Give a run whose lease has lapsed; with `c`, in a queue in which caps bar others."""
    if request.param == "c":
        scene.limit_user("a", max_concurrency=1, rate="100/s")
        scene.limit_task("m:f", max_concurrency=3)
    scene.push("a", "t", "second")
    scene.push("b", "other")
    depend(scene, "child", "t")
    (old,) = scene.claim(1)
    scene.now += int(LEASE * 1000)
    return old


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("write", WRITES)
def test_an_old_token_changes_nothing(scene: Scene, old: Grant, write: str, state: str) -> None:
    expected, befall = STATES[state]
    befall(scene)
    scene.settle(worker="idle")
    assert letter(scene) == expected
    before = standing(scene)
    scene.now += 1
    assert WRITES[write][1](scene, old), "it was not told"
    assert standing(scene) == before


def test_every_way_to_write_and_every_state_has_its_row() -> None:
    fenced = {name for name in scripts.names() if "holds(" in scripts.load(name).text}
    assert {script for script, _ in WRITES.values()} == fenced
    kinds = set(re.findall(r"\b([A-Z]) = \w+_run", (LUA / "lib" / "outcome.lua").read_text()))
    assert {name.split()[1] for name in WRITES if name.startswith("settle ")} == kinds | {"D"}
    assert {letter for letter, _ in STATES.values()} == {*LETTERS, "R", ""}
