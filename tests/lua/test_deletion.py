"""A deletion that is sent again says the same again and takes nothing that has been pushed since (I3)."""

from __future__ import annotations

from fairque.store import tasks
from tests.lua.scene import Scene, ids_of


def test_a_deletion_that_is_sent_again_leaves_a_new_task_of_that_id(scene: Scene) -> None:
    scene.push("a", "t")
    call = tasks.delete(scene.root, "a", "t", "request", scene.at())
    assert scene.run(call)
    scene.push("a", "t")
    assert scene.run(call), "it did delete, and says so"
    assert ids_of(scene.claim(2)) == ["t"]
    assert scene.run(call)
