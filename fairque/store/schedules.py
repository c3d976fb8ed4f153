"""Calls about schedules (scripts/lua/lib/schedule.lua): writing and reading them, a scheduler's tick, and firing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from fairque.core.ids import decode_id, encode_id
from fairque.core.schedule import MOST_CAUGHT_UP, Origin
from fairque.core.timing import Timing
from fairque.errors import ScheduleMoved, StoredDataError
from fairque.store.call import Argument, Call, Conversation
from fairque.store.readings import table
from fairque.store.tasks import WAKE_LIMIT, Accepted, Entry, read_accepted

LEASE: Final = 1.5
"""Seconds for which a scheduler has the lock; it renews it at a third of that."""
DUE: Final = 100
"""Schedules that one tick names, or one call fires, and fires in one call, at most."""
FIRES: Final = 100
"""Fires of a schedule that are remembered."""

_HEAD: Final = re.compile(rb"(\d{1,15}):([APE]):(\d{0,15}):\d*:([^:|]+):[^:|]*:\w*\|", re.ASCII)


class Definition(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a schedule is to push and when, as it stands behind its head: this as JSON, a line feed, the task's body."""

    timing: Timing
    level: Annotated[int, msgspec.Meta(ge=1, le=6)]
    when: Annotated[str, msgspec.Meta(pattern=r"^(/\d{1,15})?$")] = ""
    """As of an `Entry`."""
    catchup: Annotated[int, msgspec.Meta(ge=0, le=MOST_CAUGHT_UP)] = 1
    overlap: Annotated[str, msgspec.Meta(pattern="^[sa]$")] = "s"
    """`s`: a fire is skipped while the last task lives; `a`: it is not."""
    origin: Origin = "code"
    added: str = ""
    """Names what was added last, whatever has been changed since."""
    changed_ms: int = 0


_NOTHING: Final = Definition(Timing(), 3)


class Schedule(NamedTuple):
    """What is known of a schedule. `due_ms` is its next fire; a paused one, and one that has ended, has none."""

    schedule_id: str
    version: int
    letter: str
    due_ms: int | None
    user_id: str
    definition: Definition
    body: bytes


class Tick(NamedTuple):
    """What a scheduler hears: whether it has the lock, Redis's time, in how many ms more is due (None: at no time) or
    the lock of another lapses, and which schedules are due, as they stand.
    """

    leads: bool
    now_ms: int
    wait_ms: int | None
    due: Sequence[tuple[str, bytes]]


class Firing(NamedTuple):
    """A schedule that is to fire, or to be passed over: for which `instants`, and when again (None: never).

    `passed`: the last and the first instant that are left out.
    """

    schedule: Schedule
    instants: Sequence[int]
    following: int | None
    passed: tuple[int, int] | None = None


class FireLine(NamedTuple):
    """What came of a fire: its letter, the instant, when it was dealt with, and a task id or a word on it."""

    letter: str
    instant_ms: int
    at_ms: int
    detail: str


class Reading(NamedTuple):
    """What there is to read of a schedule: Redis's time, what the scheduler says of itself that has the lock ('': none
    has), the schedule, and its fires.
    """

    now_ms: int
    holder: str
    schedule: Schedule | None
    fires: Sequence[FireLine]


def write(root: str, schedule: Schedule, over: Schedule | None, now: str = "") -> Call[int]:
    """Write a schedule over what was read (None: there was none); answers its version. Refused with `ScheduleMoved`
    where it has been changed, or has fired, since.
    """
    version, due = (0, "") if over is None else (over.version, _text(over.due_ms))
    head = (encode_id(schedule.schedule_id), encode_id(schedule.user_id), version, due)
    body = msgspec.json.encode(schedule.definition) + b"\n" + schedule.body
    return Call("schedule", root, (now, *head, schedule.letter, _text(schedule.due_ms), body), int)


def remove(root: str, schedule_id: str, request: str) -> Call[bool]:
    """Remove a schedule. `request` names this call."""
    return Call("unschedule", root, (encode_id(schedule_id), request), bool)


def tick(root: str, token: str, member: str, lease: float = LEASE, now: str = "") -> Call[Tick]:
    """Take the lock or renew it, and hear what is due; without a `lease` (0) leave it."""

    def read(reply: list[Any]) -> Tick:
        leads, at, wait, *flat = reply
        found = iter(flat)
        due = [(decode_id(schedule_id.decode()), text) for schedule_id, text in zip(found, found, strict=True)]
        return Tick(bool(leads), at, None if wait < 0 else wait, due)

    return Call("tick", root, (now, token, member, int(lease * 1000), DUE), read)


def fire(root: str, firings: Iterable[Firing], now: str = "") -> Call[list[bool]]:
    """Fire schedules; answers whether each has moved on (by this call or another). All of the call or nothing."""
    args: list[Argument] = [now, WAKE_LIMIT]
    for schedule, instants, following, passed in firings:
        remark = "" if passed is None else f"{passed[0]}:{passed[1]}"
        args += (*_front(schedule, _text(schedule.due_ms), _text(following)), remark, len(instants))
        for instant in instants:
            entry = entry_at(schedule, instant)
            args += (instant, encode_id(entry.task_id), entry.nonce)
    return Call("fire", root, tuple(args), lambda reply: [bool(moved) for moved in reply])


def fire_by_hand(root: str, schedule: Schedule, entry: Entry, at_ms: int, now: str = "") -> Call[Accepted]:
    """Push a schedule's task at once, beside its fires. Raises `ScheduleMoved` where it is not as it was read."""
    fire = (at_ms, encode_id(entry.task_id), entry.nonce)
    args = (now, WAKE_LIMIT, *_front(schedule, "", ""), "", 1, *fire)

    def read(reply: list[Any]) -> Accepted:
        if not reply[0]:
            raise ScheduleMoved
        return read_accepted(entry, reply[0])

    return Call("fire", root, args, read)


def postpone(root: str, schedule: Schedule, why: str, now: str = "") -> Call[bool]:
    """Note that nobody here can fire a schedule, and why; it is looked at again in a minute."""
    args = (now, WAKE_LIMIT, *_front(schedule, _text(schedule.due_ms), "!"), why, 0)
    return Call("fire", root, args, lambda reply: bool(reply[0]))


def read(root: str, schedule_id: str | None, fires: int = 0, now: str = "") -> Call[Reading]:
    """Read a schedule (None: none), and what came of its last fires, the newest first."""

    def understand(reply: list[Any]) -> Reading:
        now, holder, text, *lines = reply
        schedule = read_schedule(schedule_id or "", text) if text else None
        return Reading(now, holder.decode(), schedule, [_read_line(line.decode()) for line in lines])

    return Call("fires", root, (now, "" if schedule_id is None else encode_id(schedule_id), fires), understand)


def read_all(root: str) -> Conversation[list[tuple[str, bytes]]]:
    """Read all schedules, page by page, as they stand."""
    found = yield from table(root, "schedules")
    return [(decode_id(schedule_id.decode()), text) for schedule_id, text in found.items()]


def schedulers(root: str) -> Conversation[dict[str, int]]:
    """Read which schedulers have ticked of late: what each says of itself, and when, ms."""
    found = yield from table(root, "schedulers")
    return {member.decode(): int(float(seen)) for member, seen in found.items()}


def member_of(scheduler_id: str, host: str, pid: int) -> str:
    """Return what a scheduler says of itself."""
    return "|".join((encode_id(scheduler_id), encode_id(host), str(pid)))


def read_member(member: str) -> dict[str, Any]:
    """Return what a scheduler has said of itself: `id`, `host`, `pid`."""
    scheduler_id, host, pid = member.split("|")
    return {"id": decode_id(scheduler_id), "host": decode_id(host), "pid": int(pid)}


def read_schedule(schedule_id: str, text: bytes) -> Schedule:
    """Return what is known of a schedule.

    Raises:
        StoredDataError: it is not what fairque writes.
    """
    head, (definition, _, body) = read_head(schedule_id, text), text[text.find(b"|") + 1 :].partition(b"\n")
    try:
        return head._replace(definition=msgspec.json.decode(definition, type=Definition), body=body)
    except msgspec.DecodeError as error:
        raise StoredDataError(f"schedule {schedule_id!r} is not one that this release can read: {error}") from None


def read_head(schedule_id: str, text: bytes) -> Schedule:
    """Return what scripts know of a schedule, without what it pushes. Raises as `read_schedule`."""
    head = _HEAD.match(text)
    if head is None:
        raise StoredDataError(f"what stands for schedule {schedule_id!r} is not what fairque writes")
    version, letter, due, user = (part.decode() for part in head.groups())
    return Schedule(schedule_id, int(version), letter, int(due) if due else None, decode_id(user), _NOTHING, b"")


def entry_at(schedule: Schedule, instant: int) -> Entry:
    """Return the task of a fire: its id and its nonce are made of schedule, version and instant."""
    task_id = f"{schedule.schedule_id}/{schedule.version}/{instant}"
    return entry_of(schedule, task_id, hashlib.sha1(task_id.encode(), usedforsecurity=False).hexdigest()[:12])


def entry_of(schedule: Schedule, task_id: str, nonce: str) -> Entry:
    """Return the task that a schedule pushes."""
    said = schedule.definition
    return Entry(schedule.user_id, task_id, said.level, nonce, said.when, schedule.body)


def _front(schedule: Schedule, due: str, following: str) -> tuple[Argument, ...]:
    said = schedule.definition
    head = (encode_id(schedule.schedule_id), schedule.version, due, following, said.overlap)
    return (*head, said.level, said.when, schedule.body)


def _text(instant: int | None) -> str:
    return "" if instant is None else str(instant)


def _read_line(line: str) -> FireLine:
    letter, instant, at, detail = line.split(":", 3)
    return FireLine(letter, int(instant), int(at), detail)
