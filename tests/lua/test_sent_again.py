"""What ends a task and is sent again says the same again, and does nothing to what has been pushed since (I3)."""

from __future__ import annotations

from fairque.store import fates, tasks
from tests.lua.scene import Scene, ids_of


def test_a_deletion_that_is_sent_again_leaves_a_new_task_of_that_id(scene: Scene) -> None:
    scene.push("a", "t")
    call = tasks.delete(scene.root, "a", "t", "request", scene.at())
    assert scene.run(call)
    scene.push("a", "t")
    assert scene.run(call), "it did delete, and says so"
    assert ids_of(scene.claim(2)) == ["t"]
    assert scene.run(call)


def test_a_cancel_that_is_sent_again_leaves_a_new_task_of_that_id(scene: Scene) -> None:
    scene.push("a", "t")
    call = fates.cancel(scene.root, "a", "t", 60, "request", now=scene.at())
    assert scene.run(call) == fates.Canceled.CANCELED
    scene.push("a", "t")
    assert scene.run(call) == fates.Canceled.CANCELED
    assert ids_of(scene.claim(2)) == ["t"]
    assert scene.run(call) == fates.Canceled.CANCELED
    assert scene.client.hlen(scene.key("stops")) == 0
