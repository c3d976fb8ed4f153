"""A random graph is enqueued and disturbed from outside; in the end all of it has ended, or says what it waits for."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import redis

from fairque import Run, TaskQueue, TaskState
from fairque.core.flow import FlowGraph
from fairque.core.state import LETTERS
from fairque.errors import TaskRunning
from tests.graphs.record import Event, Tail
from tests.graphs.rules import ENDED, gone, violations
from tests.graphs.shape import Act, Ties, acts_of, built, ids_of, spec_of
from tests.waiting import wait_until

USER: Final = "user:1"
STUCK: Final = (TaskState.FAILED, TaskState.CANCELED, TaskState.DEFERRED)
COUNTS: Final = ("flows", "parents", "holding", "releasing", "deferred", "queued", "scheduled", "stopping")
"""Numbers of the queue that are nought where nothing is."""


class Ground(NamedTuple):
    """Where graphs are played: a queue that no one else uses, and what its Redis writes down."""

    queue: TaskQueue
    client: redis.Redis
    tail: Tail
    root: str
    url: str

    def number(self, name: str) -> int:
        """Return one of the queue's own numbers."""
        return int(self.client.hget(f"{self.root}:queue:stats", name) or 0)

    def is_quiet(self) -> bool:
        """Whether at one moment nothing went on by itself."""
        with self.client.pipeline() as moment:
            moment.hmget(f"{self.root}:queue:stats", ["queued", "scheduled", "releasing"])
            moment.hlen(f"{self.root}:queue:runs")
            numbers, running = moment.execute()
        return not running + sum(int(number or 0) for number in numbers)


class Played(NamedTuple):
    """What became of a graph."""

    graph: FlowGraph
    events: list[Event]
    acts: Counter[str]
    """What was done from outside and had an effect."""


def play(
    ground: Ground,
    seed: int,
    size: int,
    acts: int,
    *,
    seconds: float = 0.0,
    meanwhile: Callable[[], object] = lambda: None,
    patience: float = 60.0,
) -> Played:
    """Enqueue a graph, let it be disturbed, wait for its end, judge it, and erase its user. `meanwhile` is called again
    and again while it runs.
    """
    ground.tail.events(ground.root, USER)
    specs = [spec_of(seed, place) for place in range(size)]
    whole, ties = built(specs, seconds)
    run = ground.queue.enqueue(whole, user_id=USER)
    assert [handle.task_id for handle in run] == list(ids_of(ties))
    done = Counter[str]()
    for act in acts_of(seed, size, acts):
        _until(lambda act=act: meanwhile() or _ended(run) >= act.at * size or ground.is_quiet(), patience)  # type: ignore[misc]
        done[act.what] += bool(_do(ground.queue, run, act))
    _until(lambda: meanwhile() or ground.is_quiet(), patience)
    events = ground.tail.events(ground.root, USER)
    graph = run.graph()
    faults = [*violations(events, ties), *_unexplained(ground.queue, graph, ties)]
    faults += [*_miscounted(ground, run, graph, events), *_left(ground)]
    assert not faults, "\n".join([f"seed {seed}, size {size}, acts {acts}:", *faults[:20]])
    return Played(graph, events, done)


def _until(predicate: Callable[[], object], patience: float) -> None:
    wait_until(predicate, description="the graph has come so far", timeout=patience)


def _ended(run: Run) -> int:
    return run.summary().ended


def _do(queue: TaskQueue, run: Run, act: Act) -> object:
    """Do something to a task; return whether it had an effect."""
    if act.what == "retry":
        ended_badly = [place for place, state in enumerate(run.states()) if state in STUCK[:2]]
        return ended_badly and run[ended_badly[act.place % len(ended_badly)]].retry()
    handle = run[act.place]
    if act.what == "cancel":
        return handle.cancel()
    if act.what == "requeue":
        return queue.requeue_failed(user_id=USER)
    if act.what == "cancel all":
        return run.cancel()
    with contextlib.suppress(TaskRunning):
        return queue.delete_task(handle.task_id, user_id=USER)
    return False


def _unexplained(queue: TaskQueue, graph: FlowGraph, ties: Ties) -> Iterator[str]:
    """Yield tasks that have not ended and do not say why, or say what is not so."""
    states = {node.task_id: node.state for node in graph.nodes}
    for name, state in states.items():
        tie = ties[name]
        if state is None or state.ended:
            continue
        if state is not TaskState.DEFERRED:
            yield f"{name} is {state} in the end"
            continue
        told = queue.explain(name, user_id=USER)
        named = {parent.task_id: parent.state for parent in told.waits_for}
        if [reason.code for reason in told.reasons] != ["deferred"] or not named:
            yield f"{name} is deferred and does not say on what: {told.reasons}"
        if not named.keys() <= set(tie.parents) or any(states[one] is not of for one, of in named.items()):
            yield f"{name} says that it waits for {named}, and its parents are {[states[one] for one in tie.parents]}"
        if any(of not in STUCK for of in named.values()):
            yield f"{name} waits for what is no more in the way: {named}"
        if tie.policy == "c" and any(of and of.ended for of in named.values()):
            yield f"{name} was to be canceled with its parents: {named}"


def _miscounted(ground: Ground, run: Run, graph: FlowGraph, events: list[Event]) -> Iterator[str]:
    """Yield numbers that are not those of the records; a run counts what was deleted after its end, too."""
    summary = run.summary()
    counted = Counter(str(node.state) for node in graph.nodes if node.state)
    deleted = Counter(str(LETTERS[letter]) for letter in gone(events) if letter in ENDED)
    told = {name: getattr(summary, name) for name in ("finished", "failed", "canceled", "deferred")}
    if told != {name: counted[name] + deleted[name] for name in told} or summary.total != sum(told.values()):
        yield f"the run says {summary}, its records {counted}, and {deleted} are deleted"
    stats, sizes = ground.queue.get_stats(), ground.queue.get_queue_sizes(USER)
    for name in ("deferred", "failed"):
        if not stats[name] == sizes[name] == counted[name]:
            yield f"{name}: {counted[name]} records; the queue says {stats}, the user's sizes are {sizes}"


def _left(ground: Ground) -> Iterator[str]:
    """Erase the user, and yield what is left of it."""
    ground.queue.erase_user(USER)
    ground.queue.get_stats()
    wait_until(lambda: not ground.number("releasing"), description="nobody is told any more")
    for key in ground.client.scan_iter(match=f"{ground.root}:queue:user:*", count=1_000):
        yield f"{key.decode()} is left"
    for name in ("flows", "flows-due", "releases", "runs", "leases", "due", "expiry", "kept-bytes", "who", "waiters"):
        if ground.client.exists(f"{ground.root}:queue:{name}"):
            yield f"{name} is left"
    for name in COUNTS:
        if ground.number(name):
            yield f"{name} is {ground.number(name)} in the end"
