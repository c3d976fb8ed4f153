"""Why a task has not started, in words: what bars it comes from the same functions that claims judge by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from fairque.core.state import TaskState
from fairque.queue import reading
from fairque.store.claims import ALIVE_SECONDS
from fairque.store.explained import Bar, Explained
from fairque.store.readings import Sizes


class Reason(NamedTuple):
    """One thing that keeps a task waiting. `code` is for programs: deferred, handed_in, scheduled, paused,
    max_concurrency, rate, no_worker, unknown_task, turn; or the state of a task that does not wait.
    """

    code: str
    text: str


class Parent(NamedTuple):
    """A task that another waits for. `state` is None where nothing is kept of it any more."""

    task_id: str
    state: TaskState | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task stands, and all that keeps it from starting."""

    task_id: str
    user_id: str
    name: str
    state: TaskState
    position: int | None
    """How many ready tasks of its user start before it; None where it is not ready."""
    users_before: int | None
    """How many users' turns come before its user's; None where its user is not in the ring."""
    ready_users: int
    weight: float
    share: float
    """What its user is entitled to of all service, 0 to 1, while those users are busy that are now."""
    due_at: datetime | None
    """When it becomes ready; None where no time is what it waits for."""
    started_at: datetime | None
    """When the run that it is in was granted; None where it does not run."""
    reasons: tuple[Reason, ...]
    waits_for: tuple[Parent, ...] = ()
    """The parents that it is deferred on: those that have not ended as it needs."""

    def __str__(self) -> str:
        """Return it as a sentence."""
        return f"{self.task_id} is {self.state}: {'; '.join(reason.text for reason in self.reasons)}"


def explanation_of(
    found: Explained,
    workers: Sequence[Mapping[str, Any]],
    sizes: Mapping[str, Sizes],
    weight_of: Mapping[str, float],
    parents: Sequence[Parent] = (),
    *,
    staged: bool = False,
) -> Explanation:
    """Return what to say of a task. `weight_of` has the users whose weight is not that of `*`; `staged`: its graph is
    still being handed in.
    """
    task = reading.task_of(found.record)
    waits_for = tuple(parent for parent in parents if _bars(parent, task.policy))
    deferred = [Reason("handed_in", "the graph that it belongs to is still being handed in")] if staged else []
    deferred += _of_parents(waits_for, staged=staged)
    user_id, weight = found.record.user_id, getattr(found.user.settings, "weight", 1.0)
    others = sum(
        weight_of.get(user, weight_of["*"])
        for user, size in sizes.items()
        if user != user_id and size.queued + size.started
    )
    return Explanation(
        task_id=found.record.task_id,
        user_id=user_id,
        name=task.name,
        state=reading.state_of(found.record),
        position=found.ahead,
        users_before=found.turns,
        ready_users=found.ready,
        weight=weight,
        share=round(weight / (weight + others), 4),
        due_at=_instant(found.due_ms),
        started_at=_instant(found.record.run.start_ms) if found.record.run else None,
        reasons=tuple(deferred if found.record.letter == "D" else _reasons(found, task.name, workers)),
        waits_for=waits_for if found.record.letter == "D" else (),
    )


_NAMED: Final = 5
"""Parents that are named in words."""


def _bars(parent: Parent, policy: str) -> bool:
    """Whether a parent in this state keeps a child of this policy waiting (scripts/lua/lib/link.lua)."""
    if parent.state is None or parent.state is TaskState.FINISHED:
        return False
    return policy != "r" or not parent.state.ended


def _of_parents(waits_for: Sequence[Parent], *, staged: bool) -> list[Reason]:
    told = [f"{parent.task_id} ({parent.state})" for parent in waits_for[:_NAMED]]
    if len(waits_for) > _NAMED:
        told.append(f"and {len(waits_for) - _NAMED:,} more")
    if not told:
        return [] if staged else [Reason("deferred", "deferred on tasks that its parents have added")]
    text = f"deferred on [{', '.join(told)}]"
    if any(parent.state and parent.state.ended for parent in waits_for):
        text += ": what failed or was canceled has to be retried, or this canceled"
    return [Reason("deferred", text)]


def _reasons(found: Explained, name: str, workers: Sequence[Mapping[str, Any]]) -> Iterator[Reason]:
    state = reading.state_of(found.record)
    if state is TaskState.SCHEDULED and found.due_ms is not None:
        yield Reason("scheduled", f"scheduled until {_told(found.due_ms)}")
    elif state is not TaskState.QUEUED:
        run = found.record.run
        text = f"it runs on {run.worker}" if run else f"it {'has ended:' if state.ended else 'is'} {state}"
        yield Reason(str(state), text)
        return
    barred = [
        *_of_bar("the queue", found.queue),
        *_of_bar("user", found.user),
        *_of_bar(f"task {name}", found.name),
        *_of_workers(found, name, workers),
    ]
    yield from barred
    if state is TaskState.QUEUED and not barred:
        ahead, turns = found.ahead or 0, found.turns or 0
        yield Reason(
            "turn", f"waits for its turn: {_many(ahead, 'task')} of its user and {_many(turns, 'user')} before it"
        )


def _of_bar(what: str, bar: Bar) -> Iterator[Reason]:
    match bar.bar:
        case "p":
            yield Reason("paused", f"{what} paused" if what == "user" else f"{what} is paused")
        case "c":
            most = bar.settings.max_concurrency
            yield Reason("max_concurrency", f"{what} at max_concurrency {bar.running}/{most}")
        case "r" if bar.opens_ms is not None:
            yield Reason("rate", f"{what}: rate window opens at {_told(bar.opens_ms)} ({bar.settings.rate})")


def _of_workers(found: Explained, name: str, workers: Iterable[Mapping[str, Any]]) -> Iterator[Reason]:
    up = workers_up(workers, found.now_ms / 1000)
    serving = [worker for worker in up if {"*", *found.lists} & set(worker.get("lists", ()))]
    if not serving:
        others = f": {_many(len(up), 'worker')} up, for others" if up else ": none is up"
        yield Reason("no_worker", f"no worker serves this user{others}")
    elif name and not any(knows(worker, name) for worker in serving):
        yield Reason("unknown_task", f"no worker knows this task: {name} is in none of the modules they imported")


def workers_up(workers: Iterable[Mapping[str, Any]], now: float) -> list[Mapping[str, Any]]:
    """Return the workers that have been heard of lately enough to be up. `now` is in epoch seconds."""
    return [worker for worker in workers if now - worker["last_seen"] < ALIVE_SECONDS]


def knows(worker: Mapping[str, Any], name: str) -> bool:
    """Whether a worker has imported a task of that name, as far as can be told: it names only so many."""
    names = worker.get("tasks", ())
    return name in names or int(worker.get("tasks_total", 0)) > len(names)


def _instant(ms: int | None) -> datetime | None:
    return None if ms is None else reading.instant(ms)


def _told(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(sep=" ", timespec="milliseconds")
    except (OverflowError, ValueError):  # a rate of `0.000000001/d` has no date
        return "an instant after the year 9999"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
