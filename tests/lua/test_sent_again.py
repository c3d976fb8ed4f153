"""What ends a task and is sent again says the same again, and does nothing to what has been pushed since (I3)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairque.store import fates, tasks
from tests.lua.calls import CALLS
from tests.lua.scene import Scene, ids_of
from tests.lua.shelf import Shelf
from tests.lua.stages import plain
from tests.proxy import Proxy, proxied


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


@pytest.fixture
def far(redis_url: str, prefix: str, scene: Scene) -> Iterator[tuple[Scene, Proxy]]:
    """Give the same queue through a proxy."""
    with proxied(redis_url) as proxy:
        far = Scene(proxy.url, prefix, scene.client)
        yield far, proxy
        far.close()


@pytest.mark.parametrize(
    ("script", "what"),
    [(script, what) for script in ("schedule", "unschedule", "tick", "fire") for what in CALLS[script]],
)
def test_a_call_about_schedules_that_is_sent_again_says_the_same_and_acts_once(
    scene: Scene, far: tuple[Scene, Proxy], script: str, what: str
) -> None:
    stage, shelf = plain(scene), Shelf(scene.client, scene.root)
    scene.now += 3000
    call, before = CALLS[script][what](stage), shelf.read()
    answer, after = scene.run(call), shelf.read()
    assert (after == before) == (what == "none")
    assert scene.run(call) == answer
    distant, proxy = far
    proxy.drop()
    assert distant.run(call) == answer
    assert proxy.dropped == 1, "else no reply was lost"
    assert shelf.read() == after
