"""The verbs about shares of service: weights and caps, why a task waits, how fairly users were served."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fairque.core.ids import EVERYONE, check_name, check_task_id, check_user_id, decode_id
from fairque.core.limits import Caps, UserSettings, checked
from fairque.core.quantity import check_whole
from fairque.core.settings import FairnessSettings
from fairque.errors import LimitsError, UnknownTask
from fairque.queue import reading
from fairque.queue.explaining import Explanation, Parent, explanation_of
from fairque.queue.report import FairnessReport, report_of
from fairque.store import flows, limits, readings, tasks
from fairque.store.call import Call, Conversation
from fairque.store.explained import explain
from fairque.store.records import Record

_BARS: Final = {"p": "paused", "c": "max_concurrency", "r": "rate"}
_MOST_PARENTS: Final = 1_000
"""Parents of a deferred task that are looked at to say which it waits for."""


class AllLimits(NamedTuple):
    """All that is set in a queue: for users by id (`*`: all, but for values of their own), for tasks by name, for
    the queue; and of users with ready tasks, which ones a cap of theirs bars (paused, max_concurrency or rate), as the
    last claim that met them found.
    """

    users: dict[str, UserSettings]
    tasks: dict[str, Caps]
    queue: Caps
    held: dict[str, str]

    def of_user(self, user_id: str) -> UserSettings:
        """Return the settings in force for a user."""
        return self.users.get(user_id, self.users.get(EVERYONE, UserSettings()))


class Shares:
    """Verbs of one queue; nothing here speaks to Redis."""

    def __init__(self, root: str) -> None:
        self._root = root

    def set_user(self, user_id: str, changes: Mapping[str, Any]) -> Conversation[UserSettings]:
        """Change a user's settings; those for `*` count where a user has no other value of its own."""
        new = checked(UserSettings, changes, "set_user")
        values = {name: getattr(new, name) for name in changes}
        return (yield from self._user(user_id, "set", values))

    def reset_user(self, user_id: str) -> Conversation[None]:
        """Take a user's settings away."""
        yield from self._user(user_id, "reset", {})

    def set_limits(self, task: str | None, changes: Mapping[str, Any]) -> Call[Caps]:
        """Change the caps of a task name, or of the whole queue."""
        new = checked(Caps, changes, "set_limits")
        values = {name: getattr(new, name) for name in changes}
        return limits.change(self._root, _subject(task), Caps, "set", values)

    def set_fairness(self, changes: Mapping[str, Any]) -> Call[FairnessSettings]:
        """Change ageing or cost."""
        new = checked(FairnessSettings, changes, "set_fairness")
        aging = int(min(new.aging_seconds * 1000, tasks.STRICT)) if "aging_seconds" in changes else None
        call = limits.set_rules(self._root, aging, new.cost if "cost" in changes else None)
        return call.then(lambda in_force: checked(FairnessSettings, _fairness_of(*in_force), "queue"))

    def pause(self, user_id: str | None, task: str | None, *, paused: bool) -> Conversation[None]:
        """Pause or resume a user, a task name, or the whole queue."""
        if user_id is not None and task is not None:
            raise LimitsError(f"{'pause' if paused else 'resume'}: give a user or a task, not both")
        if user_id is not None:
            yield from self._user(user_id, "set", {"paused": paused})
        else:
            yield limits.change(self._root, _subject(task), Caps, "set", {"paused": paused})

    def get_user(self, user_id: str) -> Conversation[UserSettings]:
        """Read the settings in force for a user."""
        users, _, _ = yield from limits.read_all(self._root)
        return users.get(_checked(user_id), users.get(EVERYONE, UserSettings()))

    def get_limits(self, task: str | None) -> Conversation[Caps]:
        """Read the caps of a task name, or of the whole queue."""
        _, names, queue = yield from limits.read_all(self._root)
        return queue if task is None else names.get(check_name(task), Caps())

    def get_fairness(self) -> Call[FairnessSettings]:
        """Read ageing and cost."""
        return self.set_fairness({})

    def all_limits(self) -> Conversation[AllLimits]:
        """Read all settings, and whom they bar."""
        users, names, queue = yield from limits.read_all(self._root)
        held = yield from readings.table(self._root, "held")
        return AllLimits(
            users, names, queue, {decode_id(user.decode()): _BARS[bar.decode()] for user, bar in held.items()}
        )

    def explain(self, task_id: str, user_id: str | None, incarnation: str | None) -> Conversation[Explanation]:
        """Say why a task has not started."""
        user_id = None if user_id is None else check_user_id(user_id)
        found = yield explain(self._root, check_task_id(task_id), user_id)
        if found is None:
            who, hint = f"{user_id} has ", ""
            if user_id is None:
                who, hint = "", "; a task id of one's own choice is found with its user_id only"
            fate = "it was never pushed, was deleted, or its result has expired"
            raise UnknownTask(f"{task_id}: {who}no such task: {fate}{hint}")
        reading.known(found.record, task_id, incarnation)
        workers = yield from readings.workers(self._root)
        sizes = yield from readings.users(self._root)
        weights = yield from self._weights()
        parents, staged = (yield from self._parents(found.record)) if found.record.letter == "D" else ((), False)
        return explanation_of(found, workers, sizes, weights, parents, staged=staged)

    def _parents(self, record: Record) -> Conversation[tuple[list[Parent], bool]]:
        """Read what a deferred task waits for, and whether its graph is still being handed in."""
        ids = reading.task_of(record).parents[:_MOST_PARENTS]
        heads = yield from flows.read_heads(self._root, record.user_id, ids)
        states = [reading.state_of(head) if head else None for head in heads]
        flow = yield from flows.read(self._root, record.user_id, record.nonce, members=False)
        return [Parent(*one) for one in zip(ids, states, strict=True)], flow is not None and flow.staged

    def fairness(self, minutes: int) -> Conversation[FairnessReport]:
        """Read how service was shared."""
        check_whole("minutes", minutes, 1, 60)
        now = int(time.time() * 1000) // readings.WINDOW_MS
        windows = -(-minutes * 60_000 // readings.WINDOW_MS)
        served = yield from readings.served(self._root, range(now - windows, now + 2))
        sizes = yield from readings.users(self._root)
        cost = yield readings.cost(self._root)
        held = yield from readings.table(self._root, "held")
        capped = {decode_id(user.decode()) for user in held}
        return report_of(served, sizes, (yield from self._weights()), capped, cost)

    def _weights(self) -> Conversation[dict[str, float]]:
        """Read the weights that are set, and under `*` that of everybody else."""
        users, _, _ = yield from limits.read_all(self._root)
        return {EVERYONE: 1.0} | {user: settings.weight for user, settings in users.items()}

    def _user(self, user_id: str, mode: limits.Mode, values: Mapping[str, Any]) -> Conversation[UserSettings]:
        return (yield from limits.change_user(self._root, _checked(user_id), mode, values))


def _checked(user_id: str) -> str:
    return user_id if user_id == EVERYONE else check_user_id(user_id)


def _fairness_of(aging_ms: float, cost: str) -> dict[str, Any]:
    return {"aging_seconds": math.inf if aging_ms >= tasks.STRICT else aging_ms / 1000, "cost": cost}


def _subject(task: str | None) -> str:
    return limits.QUEUE if task is None else limits.of_task(check_name(task))
