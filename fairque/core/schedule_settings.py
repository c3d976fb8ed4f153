"""The sections of a configuration that are about schedules: who fires them, and what is pushed when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from msgspec import Meta, field

from fairque.core.arguments import not_plain
from fairque.core.checking import Problem, Rule, Section, first_few
from fairque.core.cron import parse_cron
from fairque.core.ids import check_name, check_user_id
from fairque.core.options import MAX_RETRIES, OPTIONS, Executor, check_instant
from fairque.core.quantity import MAX_SECONDS
from fairque.core.schedule import LEAST_EVERY, Overlap, caught_up, check_schedule_id
from fairque.core.setting_rules import process_id_faults, taken
from fairque.core.wording import shown
from fairque.core.zones import zone_named
from fairque.errors import TaskValidationError

_INSTANT: Final = "2026-03-01T09:00:00+01:00"

Every = Annotated[float, Meta(ge=LEAST_EVERY, le=MAX_SECONDS)]
Seconds = Annotated[float, Meta(ge=0.001, le=MAX_SECONDS)]
Instant = Annotated[str, Meta(description=f"an instant such as {_INSTANT}")]
Named = Annotated[dict[Any, Any], Meta(description="a mapping of parameters to values")]

_TASK_OPTIONS: Final = (
    *("priority", "max_retries", "timeout", "expires_in", "unique_key"),
    *("result_ttl", "cost", "executor"),
)


class SchedulerSettings(Section, frozen=True, kw_only=True):
    """Who fires schedules. Any number of processes may: each fire is pushed once."""

    id: str = "scheduler-001"
    timezone: str = "UTC"
    """The zone of schedules that name none."""
    embedded: bool = False
    """Whether each worker of this configuration is a scheduler, too."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(("id",), process_id_faults),
        taken("timezone", zone_named),
    )


def _when_faults(cron: str | None, every: float | None) -> Iterator[Problem]:
    if cron is None and every is None:
        yield Problem("", "is missing: give cron or every")
    elif cron is not None and every is not None:
        yield Problem("", "cannot be combined with every: give one of them")


def _span_faults(end: str | None, start: str | None) -> Iterator[Problem]:
    try:
        if end and start and instant_of("end", end) < instant_of("start", start):
            yield Problem("", "is before start")
    except TaskValidationError:
        return  # which is told by the rule of that field


def _argument_faults(given: tuple[Any, ...] | dict[Any, Any]) -> Iterable[Problem]:
    plain = [*given] if isinstance(given, tuple) else given
    return first_few([Problem(path, fault) for path, fault in not_plain(plain, "")])


class ScheduleSettings(Section, frozen=True, kw_only=True):
    """One schedule: when it fires, and the task that is pushed then. Its `repr` masks the arguments."""

    id: str
    cron: str | None = None
    every: Every | None = None
    """Seconds from one fire to the next."""
    task: str
    """The name of a task function, as in `myapp.tasks:report`."""
    user_id: str
    args: tuple[Any, ...] = ()
    kwargs: Named = field(default_factory=dict)
    timezone: str | None = None
    """None: the scheduler's."""
    start: Instant | None = None
    end: Instant | None = None
    catchup: str = "one"
    """What becomes of fires that came while no scheduler was up."""
    overlap: Overlap = "skip"
    """Whether it fires while the task of its last fire has not ended."""
    priority: Annotated[int, Meta(ge=1, le=6)] | None = None
    max_retries: Annotated[int, Meta(ge=0, le=MAX_RETRIES)] | None = None
    timeout: Seconds | None = None
    expires_in: Seconds | None = None
    unique_key: str | None = None
    result_ttl: Annotated[float, Meta(ge=0, le=MAX_SECONDS)] | None = None
    cost: Annotated[float, Meta(ge=0.001, le=1_000_000)] | None = None
    executor: Executor | None = None

    secrets: ClassVar[frozenset[str]] = frozenset({"args", "kwargs"})
    rules: ClassVar[tuple[Rule, ...]] = (
        taken("id", check_schedule_id, "schedule_id"),
        Rule(("cron", "every"), _when_faults),
        taken("cron", parse_cron),
        taken("task", check_name, "name"),
        taken("user_id", check_user_id),
        Rule(("args",), _argument_faults),
        Rule(("kwargs",), _argument_faults),
        taken("timezone", zone_named),
        taken("catchup", caught_up),
        taken("start", lambda text: instant_of("start", text)),
        taken("end", lambda text: instant_of("end", text)),
        Rule(("end", "start"), _span_faults),
        taken("unique_key", OPTIONS["unique_key"]),
    )

    @property
    def options(self) -> dict[str, Any]:
        """The options of its task that are given, `user_id` among them, as `Task.with_` takes them."""
        given = {name: getattr(self, name) for name in ("user_id", *_TASK_OPTIONS)}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def when(self) -> dict[str, Any]:
        """What says when it fires, as `add_schedule` takes it."""
        start, end = (text and instant_of(name, text) for name, text in (("start", self.start), ("end", self.end)))
        return {"cron_expr": self.cron, "every": self.every, "timezone": self.timezone, "start": start, "end": end}

    @property
    def how(self) -> dict[str, str]:
        """What it does with fires that come late or too soon, as `add_schedule` takes it."""
        return {"catchup": self.catchup, "overlap": self.overlap}


def instant_of(name: str, text: str) -> datetime:
    """Return the instant that a text names, in UTC: ISO 8601 with its offset from there.

    Raises:
        TaskValidationError: it names none; the message begins with `name`.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise TaskValidationError(f"{name}: must be an instant such as {_INSTANT}, not {shown(text)}") from None
    if found.utcoffset() is None:
        raise TaskValidationError(f"{name}: has no offset from UTC: write it as in {_INSTANT}, or Z for UTC itself")
    return check_instant(name, found)
