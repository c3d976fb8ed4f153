"""Many names and many users with tasks set aside: whichever may start one is found in the call that frees it (I15)."""

from __future__ import annotations

import pytest

from tests.lua.scene import DONE, RELEASE, Scene, ids_of, users_of

BLOCK = 2.0
NAMES = [f"m:n{number:02}" for number in range(30)]


def settle_until_idle(scene: Scene, want: int) -> list[str]:
    """Claim as a worker does that is told to ask again at once; return the ids that it got."""
    got: list[str] = []
    for _ in range(40):
        answer = scene.settle(want=want - len(got), block=BLOCK)
        got += ids_of(answer.grants)
        if len(got) == want or answer.pause > 0.001:
            break
    return got


@pytest.mark.parametrize("place", [0, 7, 15, 29])
def test_the_end_of_a_run_lets_its_own_name_go_on_however_many_names_wait(scene: Scene, place: int) -> None:
    for name in NAMES:
        scene.limit_task(name, max_concurrency=1)
        scene.push("a", f"{name}-1", f"{name}-2", label=name)
    runs = scene.claim(60)
    assert len(runs) == 30
    scene.settle([(runs[place], DONE)])
    name = runs[place].task_id[:5]
    assert settle_until_idle(scene, 1) == [f"{name}-2"]


@pytest.mark.parametrize("place", [0, 15, 29])
def test_the_rate_of_a_name_opens_at_its_instant_however_many_names_wait(scene: Scene, place: int) -> None:
    for number, name in enumerate(NAMES):
        scene.limit_task(name, rate="1/s" if number == place else "1/d", burst=1)
        scene.push("a", f"{name}-1", f"{name}-2", label=name)
    assert len(scene.claim(60)) == 30
    scene.now += 1000
    assert settle_until_idle(scene, 5) == [f"{NAMES[place]}-2"]


@pytest.mark.parametrize("place", [0, 15, 29])
def test_a_name_that_is_opened_is_looked_at_first(scene: Scene, place: int) -> None:
    for name in NAMES:
        scene.limit_task(name, paused=True)
        scene.push("a", name, label=name)
    assert scene.claim(60) == []
    scene.limit_task(NAMES[place], paused=None)
    assert settle_until_idle(scene, 5) == [NAMES[place]]


@pytest.mark.parametrize("free", ["u000", "u060", "u119"])
@pytest.mark.parametrize("held", ["held", "with nothing else"])
def test_a_user_that_may_go_on_is_found_among_many_that_may_not(scene: Scene, free: str, held: str) -> None:
    users = [f"u{number:03}" for number in range(120)]
    scene.limit_task("m:f", max_concurrency=1)
    scene.push("x", "x1")
    run = scene.claim(1)
    for user in users:
        scene.push(user, f"{user}-f")
    while scene.settle(want=20, block=BLOCK).pause <= 0.001 or scene.tags():
        pass
    for user in users:
        if user != free:
            scene.limit_user(user, paused=True)
    if held == "held":
        for user in users:
            scene.push(user, f"{user}-g", label="m:g")
        for _ in range(30):
            scene.settle(want=1)  # the free one's m:g starts, the others are held
    scene.settle([(run[0], DONE)])
    assert f"{free}-f" in settle_until_idle(scene, 1 if held != "held" else 2)


def test_tasks_without_a_name_are_set_aside_like_others(scene: Scene) -> None:
    scene.limit_task("", max_concurrency=1)
    scene.limit_queue(max_concurrency=3)
    scene.push("a", "p1", "p2", "p3", label="")
    scene.push("a", "f1", "f2", "f3")
    runs = scene.claim(9)
    assert ids_of(runs) == ["p1", "f1", "f2"]
    scene.end(runs[:1], RELEASE)
    assert ids_of(scene.claim(9)) == ["p1"]
    scene.limit_task("", mode="reset")
    scene.limit_queue(mode="reset")
    assert ids_of(scene.claim(9)) == ["p2", "p3", "f3"]
    assert users_of(scene.claim(1)) == []


def test_names_do_not_share_what_is_set_aside(scene: Scene) -> None:
    for name in ("m:f", "m:f:g", "m", ""):
        scene.limit_task(name, paused=True)
        scene.push("a", f"{name}1", label=name)
    assert scene.claim(9) == []
    for name in ("m:f", "m", "", "m:f:g"):
        scene.limit_task(name, paused=None)
        assert ids_of(scene.claim(9)) == [f"{name}1"]
