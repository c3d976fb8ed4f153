"""A scheduler process: adds the schedules of an era, makes rounds by the simulated clock, and changes some of them."""

from __future__ import annotations

import os
import random
import time
from typing import Any, Final, TypeVar

import msgspec

from fairque import FairQueueConfig, Task
from fairque.core.settings import QueueSettings, RedisSettings
from fairque.errors import QueueRefusal, RedisUnavailable
from fairque.scheduler.entries import Draft
from fairque.scheduler.rounds import Round, round_of
from fairque.scheduler.verbs import ScheduleVerbs
from fairque.store.call import Call, Conversation, carry
from fairque.store.driver import Driver
from fairque.store.link import Link
from fairque.store.schedules import member_of, read_all
from tests.ticks.board import OVER, Board
from tests.ticks.faults import Doom, DoomedAddress
from tests.ticks.plans import Era, Planned, when

SPEED: Final = 1000
"""Simulated milliseconds in a real one, at most."""
LEASE: Final = 80 * SPEED
"""Simulated milliseconds for which a scheduler has the lock."""
_LONGEST_PAUSE: Final = 0.05
"""Seconds."""
_CHANGED: Final = 0.1
"""How many rounds go with a change of a schedule."""

T = TypeVar("T")


def config_of(url: str, prefix: str) -> FairQueueConfig:
    """Return the configuration of all who take part."""
    return FairQueueConfig(redis=RedisSettings(url=url), queue=QueueSettings(prefix=prefix))


def drafts(root: str, era: Era) -> list[Draft]:
    """Return the schedules of an era as they are written."""
    verbs = ScheduleVerbs(root, "UTC")
    task = Task.create(user_id="of its schedule", payload={"what": "tick"})
    return [verbs.draft(plan.id, task, plan.user, when(plan.rules[0]), plan.how) for plan in era.plans]


class Life:
    """One scheduler from its start to its end, which seldom is peaceful."""

    def __init__(
        self, config: FairQueueConfig, root: str, era: Era, drafts: list[Draft], board: Board, post: int, name: str
    ) -> None:
        self._chance = random.Random(name)
        self._doom = Doom(board, post, self._chance)
        driver: Any = Driver(config.redis)
        driver._address = DoomedAddress(driver._address, self._doom)
        self._link: Link = driver.link()
        self._root, self._drafts, self._board, self._post = root, drafts, board, post
        self._verbs = ScheduleVerbs(root, "UTC")
        self._token, self._member = f"{self._chance.getrandbits(64):x}", member_of(name, "host", post)
        self._leads = False
        self._touched = [plan for plan in era.plans if plan.kind in {"turned", "updated"}]

    def live(self) -> None:
        """Work until it is over."""
        parent = os.getppid()
        while self._board.phase != OVER and os.getppid() == parent:
            try:
                if not self._board.is_set_up:
                    self._add_all()
                elif self._chance.random() < _CHANGED:
                    self._change(self._chance.choice(self._touched))
                self._round()
            except RedisUnavailable:
                self._board.note(self._post, "unreachable")

    def _add_all(self) -> None:
        """Add what nobody has added yet."""
        there = {schedule_id for schedule_id, _ in self._converse(read_all(self._root))}
        missing = [draft for draft in self._drafts if draft.schedule_id not in there]
        for draft in self._chance.sample(missing, len(missing)):
            self._converse(self._verbs.add(draft))
        self._board.is_set_up = True

    def _change(self, plan: Planned) -> None:
        how: Conversation[object]
        if plan.kind == "turned":
            how = self._verbs.turn(plan.id, self._chance.choice("PA"))
        else:
            told = when(self._chance.choice(plan.rules))
            how = self._verbs.update(plan.id, {name: told[name] for name in ("cron_expr", "timezone")})
        try:
            self._converse(how)
            self._board.note(self._post, "changes")
        except QueueRefusal:  # somebody else changed it, again and again
            self._board.note(self._post, "refused")

    def _round(self) -> None:
        made: Round = self._converse(round_of(self._root, self._token, self._member, str(self._board.clock)))
        self._board.note(self._post, "ticks")
        if made.leads and not self._leads:
            self._board.note(self._post, "takeovers")
        self._leads = made.leads
        pause = _LONGEST_PAUSE if made.wait is None else min(made.wait / SPEED, _LONGEST_PAUSE)
        if pause > 0:
            time.sleep(pause)

    def _converse(self, steps: Conversation[T]) -> T:
        return carry(steps, self._run)

    def _run(self, call: Call[Any]) -> Any:
        self._doom.call = call.script
        if call.script == "tick":
            call = msgspec.structs.replace(call, args=(*call.args[:3], LEASE, *call.args[4:]))
        return self._link.run(call)
