"""A trace: who submits what and when, how long it runs, and who serves it. `fairque simulate` replays it.

Its shape is checked as a configuration is: all that is wrong is told at once, each with its path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

from msgspec import Meta, field

from fairque.core.checking import Problem, Rule, Section, nearest, parse
from fairque.core.ids import EVERYONE
from fairque.core.limits import UserSettings
from fairque.core.settings import WorkerSettings
from fairque.core.user_lists import brief, user_faults
from fairque.errors import ConfigError
from fairque.monitoring.trace_durations import Distribution, distribution_of, duration_faults

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_PLAIN: Final = UserSettings()
Instant = Annotated[float, Meta(ge=0, le=31_536_000)]
"""Seconds since the trace began; a year is the most."""
Gap = Annotated[float, Meta(ge=0.001, le=31_536_000)]
Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.:-]{0,127}\Z", description="the name of a task, such as export")
]


def _user_faults(user: str) -> Iterator[Problem]:
    if user == EVERYONE:
        yield Problem("", f"'{EVERYONE}' means everyone: name one user")
    yield from (Problem("", problem.text) for problem in user_faults([user]))


def _pace_faults(every: float | None, per_second: float | None, until: float | None) -> Iterator[Problem]:
    if every is not None and per_second is not None:
        yield Problem("", "cannot stand beside per_second: give one of them")
    if until is not None and every is None and per_second is None:
        yield Problem("", "must be given, or per_second, where there is `until`: without them all come at once")


def _until_faults(until: float | None, at: float) -> Iterator[Problem]:
    if until is not None and until <= at:
        yield Problem("", f"must be after at, {at:g}, not {until:g}")


class Stream(Section, frozen=True, kw_only=True):
    """Tasks of one user and kind: `count` of them at once, or one `every` so many seconds, or `per_second` on average
    (a Poisson process); from `at` on, until `count` of them have come or until the instant `until`.
    """

    user: str
    task: Name = "task"
    at: Instant = 0.0
    every: Gap | None = None
    per_second: Annotated[float, Meta(ge=0.000_001, le=100_000)] | None = None
    count: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    until: Instant | None = None
    duration: Any = 1.0
    """Seconds, or a mapping: see `trace_durations`."""
    cost: Annotated[float, Meta(ge=0.001, le=1_000_000)] = 1.0
    """What a start is charged where the trace's cost is `declared`."""
    priority: Annotated[int, Meta(ge=1, le=6)] = 3

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(("user",), _user_faults),
        Rule(("every", "per_second", "until"), _pace_faults),
        Rule(("until", "at"), _until_faults),
        Rule(("duration",), duration_faults),
    )

    @property
    def lengths(self) -> Distribution:
        """How long its tasks run."""
        return distribution_of(self.duration)


class Crew(Section, frozen=True, kw_only=True):
    """`count` equal workers. One is called by its id; several by the id and a number, from 1 on."""

    id: str = "worker"
    slots: Annotated[int, Meta(ge=1, le=1_000)] = 10
    """Tasks that each runs at once."""
    assigned_users: tuple[str, ...] = (EVERYONE,)
    steal_targets: tuple[str, ...] = ()
    count: Annotated[int, Meta(ge=1, le=1_000)] = 1

    rules: ClassVar[tuple[Rule, ...]] = WorkerSettings.rules

    @property
    def ids(self) -> tuple[str, ...]:
        """The names of its workers."""
        return (self.id,) if self.count == 1 else tuple(f"{self.id}-{n}" for n in range(1, self.count + 1))

    @property
    def serves_all(self) -> bool:
        """Whether it serves all users alike."""
        return self.assigned_users == (EVERYONE,)


def _crew_faults(workers: Sequence[Any]) -> Iterator[Problem]:
    if not workers:
        yield Problem("", "is empty: nobody would run anything")
    taken: dict[str, int] = {}
    for index, crew in enumerate(workers):
        for worker_id in crew.ids if isinstance(crew, Crew) else ():
            if taken.setdefault(worker_id, index) != index:
                yield Problem(f"[{index}].id", f"is already the id of workers[{taken[worker_id]}]: {brief(worker_id)}")
                break


def _setting_faults(users: Mapping[str, UserSettings]) -> Iterator[Problem]:
    for name in users:
        yield from (Problem(f"[{name!r}]", problem.text) for problem in user_faults([name]))


def _arrival_faults(arrivals: Sequence[Any], until: float | None, workers: Sequence[Any]) -> Iterator[Problem]:
    if not arrivals:
        yield Problem("", "is empty: nobody would submit anything")
    served: set[str] = set()
    for crew in workers:
        served.update(getattr(crew, "assigned_users", [EVERYONE]), getattr(crew, "steal_targets", []))
    for index, stream in enumerate(arrivals):
        if not isinstance(stream, Stream):
            continue
        paced = stream.every is not None or stream.per_second is not None
        if paced and stream.count is None and stream.until is None and until is None:
            yield Problem(f"[{index}]", "would never end: give it a count or until, or the trace an until")
        if not served & {EVERYONE, stream.user}:
            yield Problem(f"[{index}].user", f"no worker serves {brief(stream.user)}")


class Trace(Section, frozen=True, kw_only=True):
    """The whole trace. It is replayed to `until`, in virtual seconds, or until all that came has run."""

    title: Annotated[str, Meta(max_length=72, description="text of at most 72 characters")] = ""
    """As long as a picture is wide."""
    until: Annotated[float, Meta(ge=0.001, le=31_536_000)] | None = None
    seed: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 1
    """Everything random follows from it."""
    cost: Literal["count", "declared", "time"] = "count"
    aging_seconds: Annotated[float, Meta(ge=0.001)] = 60.0
    workers: tuple[Crew, ...]
    users: dict[str, UserSettings] = field(default_factory=dict)
    """Weights and caps; `*` stands for all users that are not named."""
    arrivals: tuple[Stream, ...]

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(("workers",), _crew_faults),
        Rule(("users",), _setting_faults),
        Rule(("arrivals", "until", "workers"), _arrival_faults),
    )

    @property
    def user_ids(self) -> tuple[str, ...]:
        """Everybody who submits something, in the order of the file."""
        return tuple(dict.fromkeys(stream.user for stream in self.arrivals))

    @property
    def slots(self) -> int:
        """Tasks that all workers together run at once."""
        return sum(crew.slots * crew.count for crew in self.workers)

    def settings_of(self, user_id: str) -> UserSettings:
        """Return a user's weight and caps."""
        return self.users.get(user_id, self.users.get(EVERYONE, _PLAIN))


def shipped_traces() -> dict[str, Path]:
    """Return the traces that come with fairque by name: from the package, or in a checkout from `config/traces`."""
    places = (_PACKAGE / "traces", _PACKAGE.parent / "config" / "traces")
    return {path.stem: path for place in places if place.is_dir() for path in sorted(place.glob("*.yaml"))}


def find_trace(name: str) -> Path:
    """Return the file of a trace, which is a path or the name of one that comes with fairque.

    Raises:
        ConfigError: it is a bare name, and neither a file here nor a trace of that name.
    """
    path, shipped = Path(name), shipped_traces()
    if path.is_file() or path.suffix or path.parent != Path():
        return path
    if name not in shipped:
        meant = nearest(name, shipped)
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(shipped)}"
        raise ConfigError(f"{name}: no such file, and no trace of that name comes with fairque; {hint}")
    return shipped[name]


def trace_of(document: Any, source: str) -> Trace:
    """Return the trace that a document describes.

    Raises:
        ConfigError: with all that is wrong, each line beginning with `source`.
    """
    trace, problems = parse(Trace, document)
    if trace is None:
        raise ConfigError(problems=tuple(f"{source}: {problem}" for problem in problems))
    return trace
