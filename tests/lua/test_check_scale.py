"""What looks whether a queue agrees takes little time, however many users, tasks and runs there are (I20)."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fairque.store import checkup, checkup_sums, tasks
from fairque.store.call import Call
from fairque.store.checkup_links import MOST_MEMBERS, Members, look_at_flow, look_at_links
from fairque.store.flows import Flow, Joint, Member, Part, enqueue
from tests.lua.scene import Scene
from tests.lua.test_scale import MOST_MS, flood, typical_ms

USERS, TASKS, LONG = 10_000, 100_000, 200_000
FLOW = Flow(f"g{0:015x}", False, 0, MOST_MEMBERS, 0, 0, 0, 0, "", "u")
NOISE = 2
"""Others share the machine: what the reference script leaves of that."""


@pytest.mark.timeout(300)
def test_each_look_takes_little_time(scene: Scene) -> None:
    scene.push_entries(
        [
            tasks.Entry(
                f"user:{n % USERS}", f"t{n}", 3 if n % 7 else 5, "", "" if n % 10 else "+9000", b"m:f|" + 99 * b"x"
            )
            for n in range(TASKS)
        ]
    )
    while scene.client.hlen(scene.key("runs")) < checkup_sums.MOST_RUNS:
        scene.claim(100)
    users = itertools.cycle(f"user:{n}" for n in range(0, USERS, 997))

    def often(make: Callable[[], Call[Any]]) -> float:
        return typical_ms(scene, ((lambda: scene.run(make())) for _ in range(9)))

    root = scene.root
    took = {table: often(partial(checkup.look_at_page, root, table, checkup.BEGIN)) for table in checkup.TABLES}
    took["queue"] = often(lambda: checkup.look_at_queue(root, scene.at()))
    took["user"] = often(lambda: checkup.look_at_user(root, next(users), now=scene.at()))
    took["slots"] = often(lambda: checkup_sums.count_runs(root))
    took["sums of too many"] = often(lambda: checkup_sums.add_up(root))
    assert scene.run(checkup_sums.count_runs(root)) == ()
    assert scene.run(checkup_sums.add_up(root)).of_users is None
    assert {what: ms for what, ms in took.items() if ms > MOST_MS * NOISE} == {}, took


@pytest.mark.timeout(300)
def test_sums_of_many_users_and_a_very_long_lane_take_little_time(scene: Scene) -> None:
    most = checkup_sums.MOST_SUBJECTS - 2
    scene.push_entries(
        [tasks.Entry(f"user:{n % most}", f"t{n}", 3 + n // most, "", "", b"m:f|") for n in range(2 * most)]
    )
    flood(scene, LONG)
    sums = typical_ms(scene, ((lambda: scene.run(checkup_sums.add_up(scene.root))) for _ in range(9)))
    assert scene.run(checkup_sums.add_up(scene.root)).of_users == (2 * most + LONG, 0, 0, 0, 0)
    long = typical_ms(
        scene, ((lambda: scene.run(checkup.look_at_user(scene.root, "flood", now=scene.at()))) for _ in range(9))
    )
    assert (sums < MOST_MS * NOISE, long < MOST_MS * NOISE) == (True, True), (sums, long)


@pytest.mark.timeout(300)
def test_who_waits_for_whom_and_flows_take_little_time(scene: Scene) -> None:
    weave(scene, FLOW.mark, [f"t{n}" for n in range(MOST_MEMBERS)])
    links = typical_ms(scene, ((lambda: scene.run(look_at_links(scene.root, "u"))) for _ in range(9)))
    flow = typical_ms(scene, ((lambda: scene.run(look_at_flow(scene.root, FLOW))) for _ in range(9)))
    assert scene.run(look_at_flow(scene.root, FLOW)) == Members(*2 * [(MOST_MEMBERS, MOST_MEMBERS - 1)])
    known = scene.run(look_at_links(scene.root, "u"))
    assert known is not None
    assert (known.parents, known.lists, known.faults) == (999, 999, ())
    assert (links < MOST_MS * NOISE, flow < MOST_MS * NOISE) == (True, True), (links, flow)
    scene.push("u", "one more")
    assert scene.run(look_at_links(scene.root, "u")) is None


def weave(scene: Scene, mark: str, ids: list[str]) -> None:
    """Hand in a chain of so many tasks of user u."""
    for at in range(0, len(ids), 250):
        some = ids[at : at + 250]
        entries = [tasks.Entry("u", one, 3, mark, "", b"m:f|" + 99 * b"x") for one in some]
        joints = [Joint("w", (ids[at + n - 1],), ()) if at + n else None for n in range(len(some))]
        members = [Member("", at + n, None, "m:f", "w", (), ()) for n in range(len(some))]
        scene.run(enqueue(scene.root, Part(entries, joints, members), mode="join" if at else "whole", mark=mark,
                          run_id=mark, now=scene.at()))  # fmt: skip
