"""One round of a scheduler: it asks for the lock and for what is due, and fires that. Nothing here speaks to Redis.

What is due, and what comes next, is worked out here, from Redis's clock and the schedule as it was read; whether it
happens is decided by the script that fires it, and only if nothing has changed since. So a scheduler may stop, die or
be late anywhere, and others may work on the same schedules meanwhile: each fire is pushed once (I18).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from fairque.errors import FairqueError, QueueFull, QueueRefusal
from fairque.store import schedules
from fairque.store.call import READING, Conversation
from fairque.store.schedules import DUE, Firing, Schedule

log = logging.getLogger("fairque.scheduler")

ON_TIME: Final = 10_000
"""Milliseconds by which a fire may be late and not count as missed: a scheduler was replaced, Redis was restarted."""
_BYTES: Final = 4 * 1024 * 1024
"""Of tasks that one call carries, at most."""


class Round(NamedTuple):
    """What came of a round: whether this scheduler has the lock, and in how many seconds it has to look again (None:
    for all it knows, never).
    """

    leads: bool
    wait: float | None


def round_of(root: str, token: str, member: str, now: str = "") -> Conversation[Round]:
    """Lead one round.

    Raises:
        QueueFull: Redis is at its memory limit; what is due stays due.
        RedisUnavailable: some of what is due may have been fired.
    """
    tick = yield schedules.tick(root, token, member, now=now)
    firings = list[Firing]()
    for schedule_id, text in tick.due:
        try:
            with READING:
                firings.append(firing_of(schedules.read_schedule(schedule_id, text), tick.now_ms))
        except FairqueError as error:
            yield from _put_off(root, schedules.read_head(schedule_id, text), error, now)
    for batch in _batches(firings):
        yield from _fire(root, batch, now)
    waits = [] if tick.wait_ms is None else [tick.wait_ms]
    waits += (firing.following - tick.now_ms for firing in firings if firing.following is not None)
    if len(tick.due) == DUE:  # there may be more
        waits.append(0)
    return Round(tick.leads, max(0, min(waits)) / 1000 if waits else None)


def firing_of(schedule: Schedule, now: int) -> Firing:
    """Return which fires of a schedule that is due happen now, which are passed over, and which comes next.

    Raises:
        ScheduleError: its expression, or its zone, means nothing here.
    """
    timing, catchup = schedule.definition.timing, schedule.definition.catchup
    due = now if schedule.due_ms is None else schedule.due_ms
    kept, passed, following = timing.latest(due, now, max(catchup, 1))
    if catchup == 0 and kept[-1] < now - ON_TIME:
        kept, passed = [], kept[-1]
    if len(kept) > DUE:
        following = kept[DUE]
    return Firing(schedule, kept[:DUE], following, None if passed is None else (passed, due))


def _batches(firings: Iterable[Firing]) -> Iterator[list[Firing]]:
    """Yield the firings in calls that are small enough."""
    batch, fires, size = list[Firing](), 0, 0
    for firing in firings:
        count, body = len(firing.instants), len(firing.schedule.body)
        if batch and (fires + count > DUE or size + body > _BYTES):
            yield batch
            batch, fires, size = [], 0, 0
        batch.append(firing)
        fires, size = fires + count, size + body
    if batch:
        yield batch


def _fire(root: str, batch: Sequence[Firing], now: str) -> Conversation[None]:
    """Fire a batch; where it is refused, each fire by itself, so that one schedule's trouble is not another's."""
    try:
        yield schedules.fire(root, batch, now)
    except QueueFull:
        raise
    except QueueRefusal as error:
        if len(batch) == 1 and len(batch[0].instants) < 2:
            yield from _put_off(root, batch[0].schedule, error, now)
            return
        for firing in batch:
            for one in _singly(firing):
                yield from _fire(root, [one], now)


def _singly(firing: Firing) -> Iterator[Firing]:
    """Yield a firing in steps of one fire each."""
    schedule, instants, following, passed = firing
    if len(instants) < 2:
        yield firing
        return
    dues, nexts = [schedule.due_ms, *instants[1:]], [*instants[1:], following]
    for due, instant, after in zip(dues, instants, nexts, strict=True):
        yield Firing(schedule._replace(due_ms=due), [instant], after, passed)
        passed = None


def _put_off(root: str, schedule: Schedule, error: FairqueError, now: str) -> Conversation[None]:
    """Leave a schedule that cannot be fired for a minute: perhaps somebody mends it, or a newer release takes over."""
    log.error("schedule %s of user %s cannot fire: %s", schedule.schedule_id, schedule.user_id, error)
    try:
        yield schedules.postpone(root, schedule, " ".join(str(error).split())[:200], now)
    except QueueFull:
        raise
    except QueueRefusal as refused:
        log.error("schedule %s cannot even be put off: %s", schedule.schedule_id, refused)
