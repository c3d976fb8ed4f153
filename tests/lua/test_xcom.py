"""XCom in Redis: whose values a run finds, for how long, and that nothing of them stays (I6, I22, I23)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from fairque.core.codec import Ending
from fairque.core.ids import format_task_id
from fairque.errors import StoredDataError
from fairque.store import claims, fates, tasks, xcom
from fairque.store.records import Grant
from tests.lua.scene import DONE, Scene, again
from tests.lua.test_retention import remaining
from tests.lua.test_scale import MOST_MS, ROUNDS, typical_ms
from tests.lua.weaving import MARK

OTHER = "gfedcba987654321"


def run(scene: Scene, user: str, task_id: str, nonce: str | None = None) -> Grant:
    """Push a task and grant it."""
    name = scene.name("n") if nonce is None else nonce
    scene.push_entries([tasks.Entry(user, task_id, 3, name, "", b"m:f|call")])
    (grant,) = scene.claim(1)
    assert (grant.user_id, grant.task_id) == (user, task_id)
    return grant


def leave(scene: Scene, grant: Grant, key: str, value: bytes, *, ttl: float = 60.0, scope: xcom.Scope = "run") -> bool:
    return scene.run(xcom.push(scene.root, grant, key, value, ttl, scope, scene.at()))


def find(scene: Scene, grant: Grant, key: str) -> bytes | None:
    found = scene.run(xcom.pull(scene.root, grant, key))
    return found.json if found else None


def finish(scene: Scene, grant: Grant, result: bytes, keep: float = 600.0) -> None:
    ending = Ending("m:f", 0, 0, "w", msgspec.Raw(result))
    end = claims.end(grant.member, grant.token, DONE, ran=None, ending=ending, keep=keep, keep_failed=60)
    assert scene.run(claims.settle(scene.root, "w", scene.name("r"), ended=[end], now=scene.at())).stale == []


def name_result(scene: Scene, user: str, key: str, task_id: str) -> None:
    """Let a flow know which task's result a key names."""
    scene.client.hset(scene.key(f"user:{user}:keys:{MARK}"), key, task_id)
    scene.client.expire(scene.key(f"user:{user}:keys:{MARK}"), 60)


# --- who finds what -------------------------------------------------------------------------------------------------


def test_what_a_task_leaves_its_flow_finds_and_no_other(scene: Scene) -> None:
    first, second = run(scene, "a", "1", MARK), run(scene, "a", "2", MARK)
    strangers = [run(scene, "a", "3", OTHER), run(scene, "a", "4"), run(scene, "b", "1", MARK)]
    assert leave(scene, first, "rows", b"[1]")
    assert find(scene, second, "rows") == b"[1]"
    assert [find(scene, stranger, "rows") for stranger in strangers] == [None, None, None]
    assert leave(scene, second, "rows", b"[2]")
    assert find(scene, first, "rows") == b"[2]"


@pytest.mark.parametrize("chosen", [True, False])
def test_outside_of_a_flow_a_tasks_next_attempt_finds_it_and_another_life_of_its_id_does_not(
    scene: Scene, chosen: bool
) -> None:
    task_id = "t" if chosen else format_task_id(0, 0, 0, tasks.user_print(scene.root, "a"))
    grant = run(scene, "a", task_id, None if chosen else "")
    assert leave(scene, grant, "at", b"7", ttl=3600)
    scene.end([grant], again(0))
    (second,) = scene.claim(1)
    assert (second.attempt, find(scene, second, "at")) == (2, b"7")
    assert find(scene, run(scene, "a", "other"), "at") is None
    scene.end([second], DONE)
    assert find(scene, run(scene, "a", "t"), "at") is None


def test_what_is_left_for_a_user_all_its_tasks_find_and_no_other_users(scene: Scene) -> None:
    grant = run(scene, "a", "1", MARK)
    assert leave(scene, grant, "token", b'"x"', scope="user")
    assert find(scene, run(scene, "a", "2"), "token") == find(scene, run(scene, "a", "3", OTHER), "token") == b'"x"'
    assert find(scene, run(scene, "b", "1", MARK), "token") is None


def test_the_run_comes_before_a_tasks_result_and_that_before_the_user(scene: Scene) -> None:
    made, asking = run(scene, "a", "made", MARK), run(scene, "a", "asking", MARK)
    name_result(scene, "a", "rows", "made")
    assert find(scene, asking, "rows") is None, "it has not finished"
    leave(scene, asking, "rows", b"1", scope="user")
    assert scene.run(xcom.pull(scene.root, asking, "rows")) == xcom.Value(b"1", of_user=True)
    finish(scene, made, b"[2]")
    assert scene.run(xcom.pull(scene.root, asking, "rows")) == xcom.Value(b"[2]", of_user=False)
    leave(scene, asking, "rows", b"3")
    assert find(scene, asking, "rows") == b"3"


def test_a_key_of_a_flow_leads_only_to_tasks_of_its_user(scene: Scene) -> None:
    finish(scene, run(scene, "victim", "secret", MARK), b"1")
    name_result(scene, "thief", "rows", "secret")
    assert find(scene, run(scene, "thief", "t", MARK), "rows") is None


FORGED = ["~:rows", "=t:rows", f"{MARK}:rows", "rows:~", "b:~:rows", "rows|x", "{rows}", "%3A", "*", "r ws", "é"]


@pytest.mark.parametrize("key", FORGED)
def test_a_key_is_only_itself(scene: Scene, key: str) -> None:
    flows = {"t": MARK, "u": OTHER}
    grants = [run(scene, user, task_id, flows[task_id]) for user in ("a", "a:~", "b") for task_id in flows]
    for number, grant in enumerate(grants):
        leave(scene, grant, key, str(number).encode())
    leave(scene, grants[0], key, b'"a"', scope="user")
    assert [find(scene, grant, key) for grant in grants] == [str(number).encode() for number in range(6)]
    assert [find(scene, grant, "rows") for grant in grants] == [None] * 6


def test_a_damaged_record_is_told(scene: Scene) -> None:
    finish(scene, run(scene, "a", "made", MARK), b"1")
    name_result(scene, "a", "rows", "made")
    scene.client.hset(scene.key("user:a:tasks"), "made", "F|")
    with pytest.raises(StoredDataError):
        find(scene, run(scene, "a", "t", MARK), "rows")


# --- for how long, and what is left ---------------------------------------------------------------------------------


def test_each_value_has_its_time_and_what_lists_them_that_of_the_last(scene: Scene) -> None:
    grant = run(scene, "a", "t", MARK)
    index = scene.key("user:a:xcom")
    for key, ttl, longest in (("long", 500.0, 500), ("short", 60.0, 500), ("longest", 0.5e6, 500_000)):
        leave(scene, grant, key, b"1", ttl=ttl)
        assert ttl - 60 < scene.client.ttl(scene.key(f"xcom:a:{MARK}:{key}")) <= ttl
        assert longest - 60 < scene.client.ttl(index) <= longest
    leave(scene, grant, "longest", b"1", ttl=60)
    assert scene.client.zscore(index, f"{MARK}:longest") == scene.now + 60_000
    assert scene.client.ttl(scene.key(f"xcom:a:{MARK}:longest")) <= 60


def test_what_is_past_is_cleared_a_few_at_a_time(scene: Scene) -> None:
    grant = run(scene, "a", "t", MARK)
    for number in range(35):
        leave(scene, grant, f"k{number}", b"1")
    scene.now += 60_000
    counts = []
    for _ in range(5):
        leave(scene, grant, "next", b"1", ttl=600)
        counts.append(scene.client.zcard(scene.key("user:a:xcom")))
    assert counts == [26, 16, 6, 1, 1]
    assert [key for key in scene.dump() if b":xcom:" in key] == [scene.key(f"xcom:a:{MARK}:next").encode()]


def test_nothing_of_a_value_stays_for_ever(scene: Scene) -> None:
    grant = run(scene, "a", "t")
    for scope in xcom.SCOPES:
        leave(scene, grant, "k", b"1", scope=scope)
    scene.end([grant], DONE)
    scene.now += 120_000
    scene.settle()
    assert remaining(scene) == {"stats"}
    assert len([key for key in scene.dump() if b"xcom" in key]) == 3


def test_a_value_that_is_sent_again_is_there_once(scene: Scene) -> None:
    grant = run(scene, "a", "t")
    call = xcom.push(scene.root, grant, "k", b"1", 60, "run", scene.at())
    assert scene.run(call)
    before = scene.dump()
    assert scene.run(call)
    assert scene.dump() == before


def test_erasing_a_user_takes_its_values_in_small_steps_and_nobody_elses(scene: Scene) -> None:
    grant, other = run(scene, "a", "t", MARK), run(scene, "b", "t", MARK)
    for number in range(250):
        leave(scene, grant, f"k{number}", b"1", scope="user" if number % 2 else "run")
    leave(scene, other, "k1", b"2", scope="user")
    steps: list[tuple[int, int]] = []
    while not steps or steps[-1][0]:
        steps.append(scene.run(fates.erase(scene.root, "a", scene.name("e"), now=scene.at())))
    assert steps == [(150, 1), (50, 0), (0, 0)]
    assert not leave(scene, grant, "late", b"1"), "its run is gone"
    assert [key for key in scene.dump() if b":a:" in key] == []
    assert find(scene, other, "k1") == b"2"


@pytest.mark.timeout(300)
def test_values_take_little_time_among_very_many(scene: Scene) -> None:
    grant = run(scene, "a", "t", MARK)
    for number in range(5_000):
        leave(scene, grant, f"k{number}", b"1", ttl=3600)
    scene.now += 3_700_000

    def calls(call: Callable[[], object]) -> Iterator[Callable[[], object]]:
        return (call for _ in range(ROUNDS))

    def erase() -> None:
        scene.run(fates.erase(scene.root, "a", scene.name("e"), now=scene.at()))

    assert typical_ms(scene, calls(lambda: leave(scene, grant, "k", b"x" * 1_000_000))) < MOST_MS
    assert typical_ms(scene, calls(lambda: find(scene, grant, "k"))) < MOST_MS
    assert typical_ms(scene, calls(erase)) < MOST_MS
