"""A child starts when its parents have ended as it needs, and not before (I17)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fairque.core.outcome import Outcome
from fairque.store import fates
from fairque.store.flows import Joint
from tests.lua.scene import BURY, DONE, LEASE, Scene, again, ids_of
from tests.lua.weaving import (
    Knot,
    cancel,
    flow,
    letters,
    reason,
    requeue,
    run_of,
    weave,
)
from tests.lua.web import check_webs, look

End = Callable[[Scene], object]
ENDS: dict[str, End] = {
    "F": lambda scene: scene.end([run_of(scene, "p")], DONE),
    "X": lambda scene: scene.end([run_of(scene, "p")], BURY),
    "C": lambda scene: cancel(scene, "p"),
    "G": lambda scene: scene.delete("a", "p"),
}
"""How a parent ends, by its letter; G: it is gone."""
WAITS, READY, CANCELED, GONE = "D", "Q", "C", "-"
EFFECTS = {
    "F": {"w": READY, "r": READY, "c": READY, "s": READY, "f": GONE},
    "X": {"w": WAITS, "r": READY, "c": CANCELED, "s": WAITS, "f": READY},
    "C": {"w": WAITS, "r": READY, "c": CANCELED, "s": WAITS, "f": WAITS},
    "G": {"w": CANCELED, "r": READY, "c": CANCELED, "s": GONE, "f": GONE},
}
"""What the end of a parent means to a child: by the parent's letter, then by the child's policy."""
each_effect = pytest.mark.parametrize(
    ("letter", "policy", "child"),
    [(letter, policy, child) for letter, row in EFFECTS.items() for policy, child in row.items()],
)


# --- one parent -----------------------------------------------------------------------------------------------------


@each_effect
def test_what_the_end_of_a_parent_means_is_its_childs_affair(
    scene: Scene, letter: str, policy: str, child: str
) -> None:
    weave(scene, Knot("p"), Knot("t", "p", policy))
    assert letters(scene, "p t") == "QD"
    ENDS[letter](scene)
    look(scene)
    assert letters(scene, "t") == child
    if child == CANCELED:
        assert reason(scene, "t") == ("orphaned" if letter == "G" else "parent")
    assert scene.stat("deferred") == (child == WAITS)
    assert [grant.task_id for grant in scene.claim(9)] == ["t"] * (child == READY)


@each_effect
def test_a_parent_that_has_ended_already_means_the_same(scene: Scene, letter: str, policy: str, child: str) -> None:
    scene.push("a", "p")
    ENDS[letter](scene)
    if letter == "G":
        return
    weave(scene, Knot("t", outside="p", policy=policy))
    look(scene)
    assert letters(scene, "t") == child


@pytest.mark.parametrize("policy", "wrcsf")
def test_where_nothing_is_known_of_a_parent_nothing_is_accepted(scene: Scene, policy: str) -> None:
    before = scene.dump()
    with pytest.raises(Exception, match="'p'"):
        weave(scene, Knot("t", outside="p", policy=policy))
    assert scene.dump() == before


@pytest.mark.parametrize("policy", "wrcsf")
def test_a_parent_that_is_tried_again_has_not_ended(scene: Scene, policy: str) -> None:
    weave(scene, Knot("p"), Knot("t", "p", policy))
    scene.end([run_of(scene, "p")], again(5))
    look(scene)
    assert letters(scene, "p t") == "WD"


def test_a_parent_that_is_lost_three_times_has_failed(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("waits", "p"), Knot("runs", "p", "r"), Knot("hook", "p", "f"), Knot("not", "p", "s"))
    for worker in ("w1", "w2", "w3"):
        assert letters(scene, "p waits runs hook not") == "QDDDD"
        assert ids_of(scene.claim(9, worker=worker)) == ["p"]
        scene.now += int(LEASE * 1000)
        look(scene)
    assert letters(scene, "p waits runs hook not") == "XDQQD"


def test_a_parent_that_expires_was_canceled(scene: Scene) -> None:
    weave(scene, Knot("p", when="/1000"), Knot("t", "p"), Knot("runs", "p", "r"), Knot("too", "p", "c"))
    scene.now += 1001
    look(scene)
    assert letters(scene, "p t runs too") == "CDQC"
    assert (reason(scene, "p"), reason(scene, "too")) == ("expired", "parent")


def test_a_run_that_is_canceled_cancels_what_follows(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p", "c"), Knot("u", "t", "c"), Knot("v", "u", "r"))
    grant = run_of(scene, "p")
    assert cancel(scene, "p") == fates.Canceled.ASKED
    look(scene)
    assert letters(scene, "p t u v") == "RDDD"
    scene.end([grant], BURY)
    look(scene)
    assert letters(scene, "p t u v") == "CCCQ"


# --- several parents ------------------------------------------------------------------------------------------------


def test_a_child_waits_for_the_last_of_its_parents(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("q"), Knot("r"), Knot("t", "p q r"))
    for letter in "DDQ":
        scene.end(scene.claim(1), DONE)
        check_webs(scene)
        assert letters(scene, "t") == letter
    assert ids_of(scene.claim(9)) == ["t"]


def test_parents_that_end_in_one_call_count_each(scene: Scene) -> None:
    ids = [f"p{n}" for n in range(30)]
    children = [Knot(f"t{n}", " ".join(ids)) for n in range(10)]
    weave(scene, *map(Knot, ids), *children)
    scene.end(scene.claim(30), DONE)
    check_webs(scene)
    assert sorted(ids_of(scene.claim(99))) == sorted(knot.task_id for knot in children)


@pytest.mark.parametrize(("policy", "child"), [("w", WAITS), ("r", READY), ("c", CANCELED)])
@pytest.mark.parametrize("failed_first", [True, False])
def test_one_parent_of_several_that_fails_decides(scene: Scene, policy: str, child: str, failed_first: bool) -> None:
    weave(scene, Knot("p"), Knot("q"), Knot("t", "p q", policy))
    first, second = scene.claim(2)
    scene.settle([(first, BURY if failed_first else DONE), (second, DONE if failed_first else BURY)])
    look(scene)
    assert letters(scene, "t") == child


def test_chains_run_from_end_to_end_in_one_call_where_each_link_is_canceled(scene: Scene) -> None:
    weave(scene, Knot("t0"), *(Knot(f"t{n}", f"t{n - 1}", "c") for n in range(1, 90)))
    cancel(scene, "t0")
    look(scene)
    assert letters(scene, "t0 t40 t89") == "CCC"
    assert scene.stat("canceled_total") == 90


def test_a_chain_that_is_longer_than_a_call_reaches_is_canceled_by_the_calls_that_follow(scene: Scene) -> None:
    for part in range(5):
        knots = [
            Knot(f"t{n}", outside=f"t{n - 1}" if n else "", policy="c") for n in range(100 * part, 100 * part + 100)
        ]
        weave(scene, *knots, mode="join" if part else "whole")
    cancel(scene, "t0")
    assert scene.stat("releasing") == 1
    for _ in range(4):
        look(scene)
    assert scene.stat("canceled_total") == 500
    assert scene.stat("releasing") == 0


# --- again ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["X", "C"])
def test_a_parent_that_is_queued_again_and_finishes_releases_what_waited(scene: Scene, fate: str) -> None:
    weave(scene, Knot("p"), Knot("t", "p"), Knot("u", "p"), Knot("hook", "p", "s"))
    for _ in range(2):
        ENDS[fate](scene)
        look(scene)
        assert letters(scene, "t u hook") == "DDD"
        assert requeue(scene, "p")
        look(scene)
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert letters(scene, "t u hook") == "QQQ"
    assert flow(scene)[3:8] == (4, 0, 1, 0, 0)


def test_a_failure_hook_fires_though_its_task_had_been_canceled_and_queued_again(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("hook", "p", "f"), Knot("not", "p", "f"))
    cancel(scene, "p")
    requeue(scene, "p")
    scene.end([run_of(scene, "p")], BURY)
    look(scene)
    assert letters(scene, "hook not") == "QQ"


def test_a_canceled_child_that_is_queued_again_waits_again_and_counts_each_parent_once(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("q"), Knot("t", "p q"))
    for _ in range(3):
        assert cancel(scene, "t") == fates.Canceled.CANCELED
        check_webs(scene)
        assert requeue(scene, "t", "p q")
        look(scene)
        assert letters(scene, "t") == "D"
    scene.end([run_of(scene, "p")], DONE)
    look(scene)
    assert letters(scene, "t") == "D"
    scene.end([run_of(scene, "q")], DONE)
    look(scene)
    assert ids_of(scene.claim(9)) == ["t"]


@pytest.mark.parametrize("way", [DONE, BURY])
def test_a_task_that_is_queued_again_waits_for_those_that_have_not_finished(scene: Scene, way: Outcome) -> None:
    weave(scene, Knot("p"), Knot("t", "p"))
    cancel(scene, "t")
    scene.end([run_of(scene, "p")], way)
    assert requeue(scene, "t", "p gone")
    look(scene)
    assert letters(scene, "t") == ("Q" if way is DONE else "D")


@pytest.mark.parametrize("way", [DONE, BURY])
def test_a_failure_hook_that_failed_itself_runs_when_it_is_queued_again(scene: Scene, way: Outcome) -> None:
    weave(scene, Knot("p"), Knot("hook", "p", "f"))
    scene.end([run_of(scene, "p")], BURY)
    scene.end([run_of(scene, "hook")], BURY)
    if way is DONE:
        requeue(scene, "p")
        scene.end([run_of(scene, "p")], DONE)
    assert requeue(scene, "hook", "p", "f")
    look(scene)
    assert letters(scene, "hook") == "Q"


def test_parents_and_children_that_are_queued_again_in_one_call_wait_for_each_other(scene: Scene) -> None:
    weave(scene, Knot("p"), Knot("t", "p", "r"), Knot("u", "p", "r"))
    scene.end([run_of(scene, "p")], BURY)
    for _ in range(2):
        scene.end(scene.claim(1), BURY)
    joint = Joint("r", (), ("p",))
    call = fates.requeue(scene.root, "a", [("t", joint), ("p", None), ("u", joint)], "q", now=scene.at())
    assert scene.run(call) == [fates.Requeued.QUEUED] * 3
    look(scene)
    assert letters(scene, "t p u") == "QQD"
