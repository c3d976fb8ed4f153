"""A graph in three parts, and the calls that hand it in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fairque.store import tasks
from fairque.store.call import Call
from tests.lua.scene import Scene
from tests.lua.weaving import (
    Knot,
    enqueue,
    launch,
    link,
)
from tests.lua.web import check_webs

PARTS = (
    (Knot("a1", key="rows"), Knot("a2", "a1"), Knot("a3", "a1", "c", when="+1000")),
    (Knot("b1", "a2 a3"), Knot("b2", "a1", "f"), Knot("b3", outside="known", label="m:f #key")),
    (Knot("c1", "b1 b3", "r"), Knot("c2", later=5)),
)
"""A graph in three parts; the edges of c2 follow them."""
LATE = [("c2", "w", parent) for parent in ("a1", "a2", "a3", "b1", "b3")]
TASKS = sum(map(len, PARTS))
IDS = " ".join(knot.task_id for part in PARTS for knot in part)
Step = Callable[[Scene], Call[Any]]


def staged(n: int, mode: str = "") -> Step:
    """Return the call of a part."""
    mode = mode or ("stage" if n else "first")
    return lambda scene: enqueue(scene, *PARTS[n], mode=mode, run_id="run", beyond=TASKS - len(PARTS[n]))


STEPS: list[Step] = [
    *(staged(n) for n in range(len(PARTS))),
    lambda scene: link(scene, "late-0", *LATE[:3]),
    lambda scene: link(scene, "late-1", *LATE[3:]),
    lambda scene: launch(scene, TASKS),
]
"""How it is handed in."""


def hand_in(scene: Scene, *, until: int = len(STEPS)) -> None:
    """Hand it in, or a part of it."""
    if scene.run(tasks.get(scene.root, "known", "a")) is None:
        scene.push("a", "known", when="+600000")
    for step in STEPS[:until]:
        scene.run(step(scene))
        check_webs(scene)
