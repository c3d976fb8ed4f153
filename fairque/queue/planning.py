"""From a graph as it was written to what is sent: users, ids, links and follow-up tasks settled, calls made bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from fairque.core.graph import MAX_TASKS, Wired, wired
from fairque.core.ids import check_printable, check_task_id, check_user_id
from fairque.core.layout import layout_of
from fairque.core.models import Take, Task
from fairque.core.options import MAX_PARENTS, POLICIES
from fairque.core.taking import MOST_NAMES, Parent, names_of, take_of
from fairque.core.wants import unmet
from fairque.core.wording import clipped
from fairque.errors import GraphError, TaskValidationError
from fairque.queue.intake import Mint, entry_of, user_of

ON_SUCCESS: Final = "s"
ON_FAILURE: Final = "f"
_LETTERS: Final = {word: letter for letter, word in POLICIES.items()}


class Node(NamedTuple):
    """One task of a graph as it is sent. `when` and `body` are as in an Entry."""

    task: Task[Any]
    task_id: str
    level: int
    when: str
    body: bytes
    policy: str
    """What the end of a parent means to it: see `Task.policy`."""
    inside: tuple[int, ...]
    """Places of its parents in the graph, in written order."""
    outside: tuple[str, ...]
    """Ids of its other parents."""
    written_id: str | None
    """Its chosen id, without the run's."""
    push_key: str | None
    """The key under which tasks of the graph find its result; None: none."""
    name: str


class Plan(NamedTuple):
    """A graph that is ready to be sent.

    `mark` tells it from any other, and is the nonce of all its tasks' records; `run_id` is what people call it. `nodes`
    are in written order: `written` of them, then those of `on_success` and `on_failure`. `order` has their places,
    parents before children.
    """

    mark: str
    run_id: str
    user_id: str
    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    written: int


def plan_of(whole: object, user_id: str | None, run_id: str | None, mint: Mint) -> Plan:
    """Settle all that can be settled about a task, a graph, or a list of them, without asking Redis.

    Raises:
        GraphError: it has a cycle, tasks of several users, an id or a unique key twice, too many tasks or links, or a
            parameter that asks for a result that no parent has.
        TaskValidationError: as for a single task.
    """
    drafts, written = _drafts_of(wired(whole))
    user, mark = _user_of(drafts, user_id), mint.mark()
    _give_ids(drafts, user, None if run_id is None else check_printable(run_id, "run_id"), mint)
    _give_parents(drafts)
    order = _order_of(drafts)
    nodes = tuple(_node_of(draft, drafts, user, mark, mint) for draft in drafts)
    return Plan(mark, run_id or mark, user, nodes, order, written)


class _Draft:
    """A task of which not everything is settled yet."""

    __slots__ = ("inside", "leader", "outside", "policy", "task", "task_id")

    def __init__(self, task: Task[Any], inside: dict[int, int], policy: str, leader: int | None) -> None:
        self.task = task
        self.task_id = ""
        self.inside = inside
        """Places of parents, and the group in which each came (0: none)."""
        self.outside: tuple[str, ...] = ()
        self.policy = policy
        self.leader = leader
        """Place of the task that it follows up on."""


def _drafts_of(whole: Wired) -> tuple[list[_Draft], int]:
    """Return the tasks as written and then their followers, and how many were written."""
    drafts = list(_drawn(whole, 0, None, ""))
    written = len(drafts)
    for place, draft in enumerate(drafts):  # grows on the way: a follower may have followers
        for follower, letter in ((draft.task.on_success, ON_SUCCESS), (draft.task.on_failure, ON_FAILURE)):
            if follower is not None:
                drafts += _drawn(follower, len(drafts), place, letter)
                if len(drafts) > MAX_TASKS:
                    raise GraphError(f"the graph has more than {MAX_TASKS:,} tasks, on_success and on_failure included")
    return drafts, written


def _drawn(whole: Wired, start: int, leader: int | None, letter: str) -> Iterator[_Draft]:
    for task, links in zip(*layout_of(whole), strict=True):
        if leader is not None and not links:
            if letter == ON_FAILURE and task.depends_on:
                raise GraphError(f"{task.label}: depends_on: what follows by on_failure waits for nothing else")
            yield _Draft(task, {leader: 0}, letter, leader)
        else:
            inside = {start + place: group for place, group in links.items()}
            yield _Draft(task, inside, _letter_of(task), leader)


def _letter_of(task: Task[Any]) -> str:
    letter = _LETTERS.get(task.on_parent_failure)
    if letter is None:  # a Task that was made by hand has not been checked
        raise TaskValidationError(f"on_parent_failure: expected 'wait', 'run' or 'cancel' for {task.label}")
    return letter


def _user_of(drafts: Sequence[_Draft], user_id: str | None) -> str:
    if user_id is not None:
        return check_user_id(user_id)
    users: list[str] = []
    for draft in drafts:
        leaders = users[draft.leader] if draft.leader is not None and draft.task.user_id is None else None
        users.append(user_of(draft.task, leaders))
        if users[-1] != users[0]:
            first, other = clipped(users[0], 40), clipped(users[-1], 40)
            raise GraphError(
                f"a graph is of one user: {drafts[0].task.label} of {first!r}, {draft.task.label} of {other!r}"
            )
    return users[0]


def _give_ids(drafts: Sequence[_Draft], user: str, run_id: str | None, mint: Mint) -> None:
    for draft in drafts:
        chosen = draft.task.task_id
        if chosen is None:
            draft.task_id = mint.task_id(user)
        else:
            draft.task_id = check_task_id(chosen)
            if run_id is not None:
                draft.task_id = check_printable(f"{run_id}/{chosen}", "run_id/task_id")
    _refuse_twice("id", [draft.task.task_id for draft in drafts])
    _refuse_twice("unique_key", [draft.task.unique_key for draft in drafts])


def _refuse_twice(what: str, values: Sequence[str | None]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise GraphError(f"two tasks of the graph have the {what} {clipped(value, 40)!r}")
        if value is not None:
            seen.add(value)


def _give_parents(drafts: Sequence[_Draft]) -> None:
    """Settle `depends_on`: an id of this graph, as it was written or with its run's, is that task of it."""
    places = {draft.task_id: place for place, draft in enumerate(drafts)}
    places |= {draft.task.task_id: place for place, draft in enumerate(drafts) if draft.task.task_id is not None}
    for draft in drafts:
        if draft.task.depends_on:
            found = {places[parent]: 0 for parent in draft.task.depends_on if parent in places}
            draft.inside = dict(sorted((found | draft.inside).items()))
            draft.outside = tuple(parent for parent in draft.task.depends_on if parent not in places)
        if len(draft.inside) + len(draft.outside) > MAX_PARENTS:
            raise GraphError(f"{draft.task.label}: waits for more than {MAX_PARENTS:,} tasks; put one between")


def _order_of(drafts: Sequence[_Draft]) -> tuple[int, ...]:
    try:
        return tuple(TopologicalSorter({place: draft.inside for place, draft in enumerate(drafts)}).static_order())
    except CycleError as error:
        names = [drafts[place].task.label for place in error.args[1]]
    if len(names) > MOST_NAMES:
        names[MOST_NAMES - 2 : -1] = [f"{len(names) - MOST_NAMES + 1:,} more"]
    raise GraphError(f"the graph has a cycle: {' >> '.join(names)}")


def _node_of(draft: _Draft, drafts: Sequence[_Draft], user: str, mark: str, mint: Mint) -> Node:
    task, chosen = draft.task, draft.task.task_id
    key = (task.push_key or chosen or draft.task_id) if task.auto_xcom else None
    ready = replace(
        task,
        user_id=user,
        task_id=draft.task_id,
        nonce=mark,
        parents=(*(drafts[place].task_id for place in draft.inside), *draft.outside),
        policy=draft.policy,
        takes=_takes_of(draft, drafts),
        push_key=key or task.push_key,
    )
    entry = entry_of(ready, None, mint)
    return Node(
        ready,
        entry.task_id,
        entry.level,
        entry.when,
        entry.body,
        draft.policy,
        tuple(draft.inside),
        draft.outside,
        chosen,
        key,
        task.name,
    )


def _takes_of(draft: _Draft, drafts: Sequence[_Draft]) -> dict[str, Take]:
    wants = unmet(draft.task.wants, draft.task.args, draft.task.kwargs) if draft.task.wants else ()
    if not wants:
        return {}
    failed = draft.policy == ON_FAILURE
    parents = [
        Parent(task.label, names_of(task.task_id, task.name), group, failed)
        for task, group in ((drafts[place].task, group) for place, group in draft.inside.items())
    ]
    parents += [Parent(clipped(parent, 40), (parent,)) for parent in draft.outside]
    return {want.parameter: take_of(want, parents) for want in wants}
