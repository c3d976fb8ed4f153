"""From what a program says of a schedule to what is kept of it: checked, its task's call made bytes."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fairque.core.codec import CallEncoder
from fairque.core.cron import parse_cron
from fairque.core.graph import not_a_task
from fairque.core.ids import check_name
from fairque.core.models import Task
from fairque.core.options import check_instant
from fairque.core.quantity import MAX_SECONDS, check_seconds
from fairque.core.schedule import LEAST_EVERY, Origin, caught_up, check_schedule_id, ms, utc
from fairque.core.timing import Timing
from fairque.core.wording import shown
from fairque.core.zones import zone_named
from fairque.errors import ScheduleError
from fairque.queue.intake import Mint, entry_of
from fairque.queue.registry import find_task, unknown_task
from fairque.queue.submission import is_tied
from fairque.store.schedules import Definition, Schedule

OVERLAPS: Final = {"skip": "s", "allow": "a"}
_ITS_OWN: Final = {
    "task_id": "each fire's task gets an id of its own, made of the schedule's, its version and the instant",
    "delay": "the schedule says when",
    "execute_after": "the schedule says when",
}


class Draft(NamedTuple):
    """A schedule that is to be written: all of it that needs no server."""

    schedule_id: str
    user_id: str
    definition: Definition
    body: bytes

    @property
    def head(self) -> tuple[str, int, str, None, str]:
        """Of a `Schedule` that there was not yet, what stands before the definition."""
        return self.schedule_id, 0, "A", None, self.user_id


def drafted(
    schedule_id: str | None,
    task: object,
    user_id: str | None,
    timing: Timing,
    *,
    catchup: object,
    overlap: object,
    origin: Origin,
    mint: Mint,
) -> Draft:
    """Return a checked schedule; one without an id gets one that is made of the rest.

    Raises:
        ScheduleError: what is wrong, and with which argument.
        TaskValidationError: the task is refused, as by a push.
    """
    user, level, when, body = pushed(task, user_id, mint)
    said = Definition(timing, level, when, caught_up(catchup), overlap_letter(overlap))
    digest = hashlib.sha1(msgspec.json.encode((user, said)) + body, usedforsecurity=False).hexdigest()[:16]
    if schedule_id is None:
        name = body.partition(b"|")[0].decode().partition(" ")[0].rpartition(":")[2]
        schedule_id = f"{name.encode()[-100:].decode(errors='ignore') or 'payload'}-{digest}"
    return Draft(check_schedule_id(schedule_id), user, replace(said, origin=origin, added=digest), body)


def timed(cron_expr: object, every: object, timezone: object, start: object, end: object) -> Timing:
    """Return when a schedule fires.

    An interval without a start is given its anchor when it is written.

    Raises:
        ScheduleError: what is wrong, and with which argument.
    """
    if (cron_expr is None) == (every is None):
        raise ScheduleError("give cron_expr or every, one of the two")
    zone = zone_named(timezone).key
    start_ms = None if start is None else ms(check_instant("start", start))
    end_ms = None if end is None else ms(check_instant("end", end))
    if start_ms is not None and end_ms is not None and end_ms < start_ms:
        raise ScheduleError("end: is before start")
    if every is None:
        return Timing(cron=parse_cron(cron_expr).text, zone=zone, start_ms=start_ms, end_ms=end_ms)
    every_ms = round(check_seconds("every", every, least=LEAST_EVERY, most=MAX_SECONDS) * 1000)
    return Timing(every_ms=every_ms, zone=zone, anchor_ms=start_ms or 0, start_ms=start_ms, end_ms=end_ms)


def overlap_letter(overlap: object) -> str:
    """Return how Lua calls it. Raises ScheduleError."""
    letter = OVERLAPS.get(overlap) if isinstance(overlap, str) else None
    if letter is None:
        raise ScheduleError(f"overlap: expected skip or allow, not {shown(overlap)}")
    return letter


def pushed(task: object, user_id: str | None, mint: Mint) -> tuple[str, int, str, bytes]:
    """Return a task as it is pushed: its user, level, when it expires, and its call as bytes.

    Raises:
        ScheduleError: it is not one that can be pushed again and again.
        TaskValidationError: as for a push.
    """
    if not isinstance(task, Task):
        raise not_a_task(task)
    if is_tied(task):
        raise ScheduleError(f"{task.label}: what is scheduled is one task by itself: let it enqueue what follows")
    for option, why in _ITS_OWN.items():
        if getattr(task, option) is not None:
            raise ScheduleError(f"{option}: {why}")
    if task.auto_xcom and task.push_key is None:
        raise ScheduleError("auto_xcom: give push_key as well, for each fire's task has another id")
    entry = entry_of(task, user_id, mint)
    return entry.user_id, entry.level, entry.when, entry.body


def task_named(name: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Task[Any]:
    """Return a call of the task of that name, from arguments that are plain JSON.

    Where this process has not imported the module that the name begins with, the task is taken on trust.

    Raises:
        UnknownTask: its module is there, and has no such task; the nearest names are told.
        TaskValidationError: the arguments do not fit the function's annotations, or that can be no name.
    """
    check_name(name)
    function = find_task(name)
    if function is not None:
        positional, named = function.parameters.rebuild(list(args), dict(kwargs or {}))
        return function(*positional, **named)
    module = name.partition(":")[0]
    if module in sys.modules:
        raise unknown_task(name, f": {module} has none of that name")
    return Task(name=name, args=tuple(args), kwargs=dict(kwargs or {}), encode=_encode_plain)


def _encode_plain(task: Task[Any]) -> bytes:
    return CallEncoder(task.name)(task, task.args, task.kwargs)


def changed_timing(timing: Timing, changes: Mapping[str, Any]) -> Timing:
    """Return a timing with what `changes` names of it changed. Raises as `timed`."""
    when: dict[str, Any] = {"timezone": timing.zone, "start": utc(timing.start_ms), "end": utc(timing.end_ms)}
    when |= {"cron_expr": timing.cron, "every": timing.every_ms and timing.every_ms / 1000}
    if changes.get("cron_expr") is not None or changes.get("every") is not None:
        when |= {"cron_expr": None, "every": None}
    fresh = timed(**(when | {name: value for name, value in changes.items() if name in when}))
    return timing if replace(fresh, anchor_ms=timing.anchor_ms) == timing else fresh


def revived(fresh: Schedule) -> Schedule:
    """Return a schedule that fires again, even if it had ended, unless it is paused."""
    return fresh if fresh.letter == "P" else fresh._replace(letter="A")


def settled(fresh: Schedule, now: int, known: Schedule | None) -> Schedule:
    """Return a schedule with its next fire, which is another only where its timing is, or where it had none.

    Raises:
        ScheduleError: it never fires.
    """
    timing = fresh.definition.timing
    kept = known if known is not None and _are_alike(timing, known.definition.timing) else None
    if kept is not None:
        timing = kept.definition.timing
    elif timing.every_ms is not None and timing.start_ms is None:
        timing = replace(timing, anchor_ms=now)
    due = kept.due_ms if kept is not None and kept.letter == "A" else timing.after(now)
    if due is None and kept is None:
        raise ScheduleError("end: has passed, or comes before the first fire: it would never fire")
    letter = fresh.letter if due is not None or fresh.letter == "P" else "E"
    definition = replace(fresh.definition, timing=timing, changed_ms=now)
    return fresh._replace(definition=definition, letter=letter, due_ms=None if letter == "P" else due)


def _are_alike(one: Timing, other: Timing) -> bool:
    return replace(one, anchor_ms=other.anchor_ms) == other
