"""What can be done with the schedules of a queue, said once for both colours."""

from __future__ import annotations

import difflib
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from fairque.core.ids import check_user_id
from fairque.core.quantity import check_whole
from fairque.core.schedule import Fire, Origin, ScheduledTask, at_ms, caught_up, check_schedule_id
from fairque.core.wording import clipped
from fairque.errors import ScheduleError, ScheduleMoved, StoredDataError, UnknownSchedule
from fairque.queue.intake import Mint, Receipt, receipt_of
from fairque.scheduler.entries import (
    Draft,
    changed_timing,
    drafted,
    overlap_letter,
    pushed,
    revived,
    settled,
    timed,
)
from fairque.scheduler.presenting import fire_of, scheduled_task, task_of
from fairque.store import schedules
from fairque.store.call import Call, Conversation
from fairque.store.schedules import Reading, Schedule

log = logging.getLogger("fairque.scheduler")

_TRIES: Final = 20
"""How often a change is begun anew because somebody else's, or a fire, came in between."""
_LATEST: Final = 253_402_300_799_000
"""The last instant that there is, in epoch milliseconds: of the year 9999."""
_CHANGES: Final = ("cron_expr", "every", "task", "timezone", "start", "end", "catchup", "overlap", "user_id")


T = TypeVar("T")

Change = Callable[[int, Schedule | None], Schedule]
"""Turns a schedule as it stands at an instant (None: there is none) into what it is to be: itself, if it is to stay."""


class ScheduleVerbs:
    """The verbs of the schedules of one queue. Nothing here speaks to Redis."""

    def __init__(self, root: str, timezone: str) -> None:
        self._root = root
        self._timezone = timezone
        self._mint = Mint(root)

    def draft(
        self,
        schedule_id: str | None,
        task: object,
        user_id: str | None,
        when: Mapping[str, Any],
        how: Mapping[str, Any],
        origin: Origin = "code",
    ) -> Draft:
        """Settle all of a schedule that needs no server. `when`: the arguments of `timed`; `how`: catchup, overlap.

        Raises:
            ScheduleError: what is wrong, and with which argument.
            TaskValidationError: the task is refused, as by a push.
        """
        timing = timed(**{**when, "timezone": self._timezone if when["timezone"] is None else when["timezone"]})
        return drafted(schedule_id, task, user_id, timing, **how, origin=origin, mint=self._mint)

    def add(self, draft: Draft) -> Conversation[str]:
        """Write a schedule, unless it is what was added last under its id."""

        def add(now: int, known: Schedule | None) -> Schedule:
            if known is None:
                return settled(Schedule(*draft.head, draft.definition, draft.body), now, None)
            if known.definition.added == draft.definition.added:
                return known
            configured = draft.definition.origin == known.definition.origin == "yaml"
            if known.user_id != draft.user_id and not configured:
                raise ScheduleError(
                    f"schedule_id: {clipped(draft.schedule_id)!r} is a schedule of another user: choose another id, "
                    "or say update(schedule_id, user_id=...)"
                )
            fresh = known._replace(user_id=draft.user_id, definition=draft.definition, body=draft.body)
            return settled(revived(fresh), now, known)

        yield from self._changed(draft.schedule_id, add)
        return draft.schedule_id

    def update(self, schedule_id: str, changes: Mapping[str, Any]) -> Conversation[ScheduledTask]:
        """Change what is named of a schedule."""
        for name in changes.keys() - set(_CHANGES):
            near = difflib.get_close_matches(name, _CHANGES, n=1)
            raise ScheduleError(f"{name}: cannot be changed" + (f"; did you mean {near[0]}?" if near else ""))

        def update(now: int, known: Schedule | None) -> Schedule:
            known = _there(known, schedule_id)
            return settled(revived(self._merged(known, changes)), now, known)

        return scheduled_task((yield from self._changed(schedule_id, update)))

    def _merged(self, known: Schedule, changes: Mapping[str, Any]) -> Schedule:
        said = replace(known.definition, timing=changed_timing(known.definition.timing, changes))
        if "catchup" in changes:
            said = replace(said, catchup=caught_up(changes["catchup"]))
        if "overlap" in changes:
            said = replace(said, overlap=overlap_letter(changes["overlap"]))
        if "task" in changes:
            task = changes["task"]
            user_id = changes.get("user_id") or getattr(task, "user_id", None) or known.user_id
            user, level, when, body = pushed(task, user_id, self._mint)
            return known._replace(user_id=user, definition=replace(said, level=level, when=when), body=body)
        user = check_user_id(changes["user_id"]) if "user_id" in changes else known.user_id
        return known._replace(user_id=user, definition=said)

    def turn(self, schedule_id: str, letter: str) -> Conversation[ScheduledTask]:
        """Pause a schedule (`P`), or let it fire again (`A`): what would have fired meanwhile does not."""

        def turn(now: int, known: Schedule | None) -> Schedule:
            known = _there(known, schedule_id)
            if known.letter in {letter, "E"}:
                return known
            return settled(known._replace(letter=letter), now, known)

        return scheduled_task((yield from self._changed(schedule_id, turn)))

    def _changed(self, schedule_id: str, change: Change) -> Conversation[Schedule]:
        """Change a schedule that is as it was read."""

        def attempt() -> Conversation[Schedule]:
            found: Reading = yield schedules.read(self._root, check_schedule_id(schedule_id))
            fresh = change(found.now_ms, found.schedule)
            if fresh is found.schedule:
                return fresh
            version = yield schedules.write(self._root, fresh, found.schedule)
            return fresh._replace(version=version)

        return (yield from _persistently(attempt))

    def get(self, schedule_id: str) -> Call[ScheduledTask | None]:
        """Read a schedule."""
        return schedules.read(self._root, check_schedule_id(schedule_id)).then(
            lambda found: None if found.schedule is None else scheduled_task(found.schedule)
        )

    def all(self, user_id: str | None) -> Conversation[list[ScheduledTask]]:
        """Read all schedules, or those of one user; what nobody can read is left out, with a warning."""
        if user_id is not None:
            check_user_id(user_id)
        found = []
        for schedule_id, text in (yield from schedules.read_all(self._root)):
            try:
                schedule = schedules.read_schedule(schedule_id, text)
            except StoredDataError as error:
                log.warning("%s; `fairque schedule remove` it and add it again", error)
                continue
            if user_id in {None, schedule.user_id}:
                found.append(scheduled_task(schedule))
        never = at_ms(_LATEST)
        return sorted(found, key=lambda one: (one.next_fire or never, one.schedule_id))

    def remove(self, schedule_id: str) -> Call[bool]:
        """Remove a schedule."""
        return schedules.remove(self._root, check_schedule_id(schedule_id), uuid.uuid4().hex)

    def run_now(self, schedule_id: str) -> Conversation[Receipt[Any]]:
        """Push a schedule's task at once."""

        def attempt() -> Conversation[Receipt[Any]]:
            found: Reading = yield schedules.read(self._root, check_schedule_id(schedule_id))
            schedule = _there(found.schedule, schedule_id)
            entry = schedules.entry_of(schedule, self._mint.task_id(schedule.user_id), self._mint.nonce())
            accepted = yield schedules.fire_by_hand(self._root, schedule, entry, found.now_ms)
            return receipt_of(task_of(schedule), entry, accepted)

        return (yield from _persistently(attempt))

    def history(self, schedule_id: str, limit: int) -> Call[list[Fire]]:
        """Read what came of the last fires."""
        most = check_whole("limit", limit, 1, schedules.FIRES)

        def fires(found: Reading) -> list[Fire]:
            _there(found.schedule, schedule_id)
            return [fire_of(line) for line in found.fires]

        return schedules.read(self._root, check_schedule_id(schedule_id), most).then(fires)

    def next_fires(self, schedule_id: str, count: int) -> Call[list[datetime]]:
        """Work out the next fires of a schedule."""
        most = check_whole("count", count, 1, 1000)

        def fires(found: Reading) -> list[datetime]:
            schedule = scheduled_task(_there(found.schedule, schedule_id))
            return schedule.fires(most, at_ms(found.now_ms) if schedule.state == "paused" else None)

        return schedules.read(self._root, check_schedule_id(schedule_id)).then(fires)

    def schedulers(self) -> Conversation[list[dict[str, Any]]]:
        """Read which schedulers have ticked of late."""
        found: Reading = yield schedules.read(self._root, None)
        seen = yield from schedules.schedulers(self._root)
        return [
            {**schedules.read_member(member), "last_seen": at / 1000, "leads": member == found.holder}
            for member, at in sorted(seen.items())
        ]


def _persistently(attempt: Callable[[], Conversation[T]]) -> Conversation[T]:
    """Try again where somebody else's change, or a fire, came in between."""
    tries = 0
    while True:
        tries += 1
        try:
            return (yield from attempt())
        except ScheduleMoved:
            if tries == _TRIES:
                raise


def _there(schedule: Schedule | None, schedule_id: str) -> Schedule:
    if schedule is None:
        raise unknown(schedule_id)
    return schedule


def unknown(schedule_id: str) -> UnknownSchedule:
    """Return the error that there is no such schedule."""
    return UnknownSchedule(f"{clipped(schedule_id)}: no such schedule: it was never added, or was removed")
