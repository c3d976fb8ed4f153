"""Graphs: what names their tasks, runs and results, and what can be no graph; all refused before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import pytest

from fairque import GraphError, Task, TaskValidationError, chain, from_parent, group, task, xcom_task
from fairque.core.codec import decode_body
from fairque.core.graph import MAX_TASKS
from fairque.core.taking import Parent, take_of
from fairque.core.wants import Want
from fairque.queue.intake import Mint
from fairque.queue.planning import Plan, plan_of
from tests.badinput.ground import cell, refused
from tests.badinput.ids import IDS, TASK
from tests.badinput.jobs import echo
from tests.badinput.payloads import SECRET, VALUES

MINT: Final = Mint("{fq:default}")


@task(name="badinput.take")
def take(value: object = from_parent("first")) -> object:
    return value


def planned(whole: Any, run_id: Any = None) -> Plan:
    return plan_of(whole, "u", run_id, MINT)


def named(*ids: Any) -> list[Task[Any]]:
    return [echo(1).with_(task_id=task_id) for task_id in ids]


# --- names ----------------------------------------------------------------------------------------------------------


class Entry(NamedTuple):
    """What takes a name, and gives it back as it is sent."""

    act: Callable[[Any], object]
    optional: bool = False


def _parent_of(last: Task[Any]) -> object:
    (parent,) = decode_body(planned(last).nodes[0].body).terms.parents or ()
    return parent


def _key_of(made: Task[Any]) -> object:
    return decode_body(planned(made.with_(auto_xcom=True)).nodes[0].body).terms.push_key


def _kept(made: Task[Any], name: object) -> object:
    return _key_of(made) if name is not None else None


NAMES: Final = {
    "run_id": Entry(lambda name: planned(echo(1), name).run_id if name is not None else None, optional=True),
    "depends_on": Entry(lambda name: _parent_of(echo(1).with_(depends_on=[name]))),
    "depends_on-of-@task": Entry(lambda name: _parent_of(task(depends_on=[name])(echo.function)(1))),
    "depends_on-of-create": Entry(lambda name: _parent_of(Task.create(user_id="u", depends_on=[name]))),
    "depends_on-a-task": Entry(lambda name: _parent_of(echo(1).with_(depends_on=named(name)))),
    "push_key": Entry(lambda name: _kept(echo(1).with_(push_key=name), name), optional=True),
    "push_key-of-@task": Entry(lambda name: _kept(task(push_key=name)(echo.function)(1), name), optional=True),
    "xcom_task": Entry(lambda name: _key_of(xcom_task(name)(echo.function)(1))),
    "auto_xcom": Entry(lambda name: _kept(echo(1).with_(task_id=name), name), optional=True),
    "task_id-in-a-graph": Entry(
        lambda name: planned(named(name) >> echo(2)).nodes[1].task.parents[0] if name is not None else None,
        optional=True,
    ),
}


@pytest.mark.parametrize("entry", NAMES.values(), ids=list(NAMES))
def test_a_name(entry: Entry, caplog: pytest.LogCaptureFixture) -> None:
    for row in IDS:
        with cell(row.name):
            if TASK in row.names or (row.value is None and entry.optional):
                assert entry.act(row.value) == row.value
            else:
                refused(partial(entry.act, row.value))
    assert caplog.records == []


def test_the_name_of_a_parent_is_text_that_some_parent_has(caplog: pytest.LogCaptureFixture) -> None:
    for row in IDS:
        name: Any = row.value
        with cell(row.name):
            if name is not None and not (isinstance(name, str) and name):
                refused(partial(from_parent, name))
            elif name is not None:
                refused(partial(take_of, Want("value", 0, from_parent(name).name), [Parent("first", ("first",))]))
    assert caplog.records == []


# --- what is no graph -----------------------------------------------------------------------------------------------

A, B, C = named("a", "b", "c")
THOUSAND: Final = named(*(f"{n:0200}" for n in range(1_000)))

NO_GRAPHS: Final[dict[str, Callable[[], Any]]] = {
    "itself": lambda: A >> A,
    "itself-by-id": lambda: A.with_(depends_on=["a"]),
    "itself-in-a-group": lambda: A >> [B, A],
    "cycle-of-2": lambda: A >> B >> A,
    "cycle-of-2-by-id": lambda: [A.with_(depends_on=["b"]), B.with_(depends_on=["a"])],
    "cycle-of-1000": lambda: chain(*THOUSAND, THOUSAND[0]),
    "cycle-of-1000-by-id": lambda: [
        one.with_(depends_on=[before.task_id])
        for one, before in zip(THOUSAND, [*THOUSAND[1:], THOUSAND[0]], strict=True)
    ],
    "cycle-behind-others": lambda: A >> chain(*THOUSAND[:5]) >> THOUSAND[2],
    "100000-parents": lambda: group(echo(1) for _ in range(99_999)) >> A,
    "100000-parents-by-id": lambda: A.with_(depends_on=[str(n) for n in range(100_000)]),
    "100001-tasks": lambda: group(echo(1) for _ in range(MAX_TASKS)) | A,
    "groups-of-10000": lambda: group(echo(1) for _ in range(10_000)) >> group(echo(1) for _ in range(10_000)),
    "followers-without-end": lambda: followed(50),
    "one-id-twice": lambda: A >> named("a")[0],
    "one-key-twice": lambda: [one.with_(unique_key="k") for one in (A, B)],
    "zero-that-follow": lambda: A.with_(on_failure=[]),
    "zero": list,
    "zero-in-a-group": lambda: [A, []],
    "zero-by-map": lambda: echo.map([]),
    "without-end-by-map": lambda: echo.map(iter(int, 1)),
    "no-task": lambda: 3,
    "text": lambda: "badinput.echo",
    "none": lambda: None,
    "function": lambda: echo,
    "function-of-python": lambda: print,
    "set": lambda: {A, B},
    "generator": lambda: (one for one in (A, B)),
    "a-list-in-itself": lambda: in_itself(1),
    "parameter-of-no-parent": take,
    "parameter-of-another-parent": lambda: A >> take(),
    "parameter-of-a-parent-by-another-id": lambda: take().with_(depends_on=["a"]),
    "parameter-of-a-failed-task": lambda: echo(1).with_(task_id="first", on_failure=take()),
    "policy-by-hand": lambda: Task[Any](payload={}, on_parent_failure="retry"),  # type: ignore[arg-type]
    "on_failure-waits-for-another": lambda: A.with_(on_failure=B.with_(depends_on=["x"])),
    "run-and-id-too-long": lambda: named("x" * 256),
}


def followed(times: int) -> Task[Any]:
    last: Task[Any] = echo(1)
    for _ in range(times):
        last = last.with_(on_success=last, on_failure=last)
    return last


def in_itself(depth: int) -> Any:
    endless: list[Any] = [A]
    endless.append([endless] * depth)
    return endless


@pytest.mark.parametrize("build", NO_GRAPHS.values(), ids=list(NO_GRAPHS))
def test_what_is_no_graph(build: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> None:
    assert isinstance(refused(lambda: planned(build(), "run")), TaskValidationError)
    assert caplog.records == []


def test_users_that_differ() -> None:
    of_two = A.with_(user_id="a" * 256) >> B.with_(user_id="b" * 256)
    assert isinstance(refused(lambda: plan_of(of_two, None, None, MINT)), GraphError)
    refused(lambda: plan_of(A >> B, None, None, MINT))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_argument_that_does_not_travel_refuses_the_whole_graph(place: int) -> None:
    for row in VALUES:
        if not row.given and row.name != "1-GB":
            calls = [echo(1), echo(2), echo(3)]
            calls[place] = echo(row.make(len('[[""],{},{}]')))
            with cell(row.name):
                refused(lambda calls=calls: planned(chain(*calls)), secret=SECRET)  # type: ignore[misc]
