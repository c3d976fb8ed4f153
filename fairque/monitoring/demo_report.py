"""What the demo's results come to: who waited how long, what first come, first served would have done, top results."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from fairque.core.models import Task
from fairque.monitoring.demo_files import LATE, NOISY, Team, short
from fairque.monitoring.demo_tasks import Figures, Function

_TOP: Final = 5


class Submission(msgspec.Struct, frozen=True):
    """What a team pushed, and how many seconds after the start."""

    team: Team
    at: float
    task_ids: tuple[str, ...]


class Course(msgspec.Struct, frozen=True):
    """When a team's tasks began and ended, in seconds after the start; `in_line`: ended, first come, first served."""

    user_id: str
    arrived: float
    begins: tuple[float, ...]
    ends: tuple[float, ...]
    in_line: tuple[float, ...]


class TeamReport(msgspec.Struct, frozen=True):
    """One team. Seconds count from the start, `took_s` from its arrival; waits are in ms."""

    user_id: str
    tasks: int
    finished: int
    unreadable: int
    """Files that are no Python, as the standard library's tests have some."""
    arrived_s: float
    took_s: float
    took_in_line_s: float
    """How long it would have taken first come, first served."""
    ahead: int
    """Tasks of the noisy team that were not finished when it arrived: first come, first served they go first."""
    share: float
    """Its part of everything that was finished from its arrival to its last result, 0 to 1."""
    wait_p50_ms: float | None
    """From its team's arrival until a task started to run."""
    wait_p95_ms: float | None


class Found(msgspec.Struct, frozen=True):
    """Something to show of the results: how much of what, and where."""

    amount: int
    name: str
    path: str


class Report(msgspec.Struct, frozen=True):
    """The whole demo."""

    seconds: float
    tasks: int
    tokens: int
    lines: int
    teams: tuple[TeamReport, ...]
    workers: tuple[dict[str, Any], ...]
    longest_functions: tuple[Found, ...]
    knottiest_functions: tuple[Found, ...]
    largest_files: tuple[Found, ...]
    courses: tuple[Course, ...]

    def team(self, user_id: str) -> TeamReport:
        """Return a team's report."""
        return next(team for team in self.teams if team.user_id == user_id)

    @property
    def quiet(self) -> tuple[TeamReport, ...]:
        """The teams that are not the noisy one."""
        return tuple(team for team in self.teams if team.user_id != NOISY)

    @property
    def failed(self) -> int:
        """How many tasks gave no result."""
        return sum(team.tasks - team.finished for team in self.teams)

    @property
    def fairness_line(self) -> str:
        """What the demo shows, in a sentence or two."""
        late, noisy = self.team(LATE), self.team(NOISY)
        return (
            f"{LATE} came when {late.ahead:,} tasks of {NOISY} were still to do. First come, first served, its last "
            f"result comes after {late.took_in_line_s:.1f} s; here it came after {late.took_s:.1f} s. Half of each "
            f"quiet team's tasks waited no longer than {_middle(self.quiet):.2f} s, half of {NOISY}'s no longer than "
            f"{(noisy.wait_p50_ms or 0) / 1000:.1f} s."
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, without the courses."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["courses"]
        return plain | {"fairness": self.fairness_line}


def make_report(
    started: float,
    submissions: Sequence[Submission],
    tasks: Sequence[Task[Any] | None],
    pids: Mapping[str, int],
) -> Report:
    """Return the report. `tasks` come in the order of submission, `started` is in epoch seconds."""
    kept = [task for task in tasks if task is not None and task.ended_at is not None]
    figures = [one for task in kept if (one := _figures(task)) is not None]
    courses = _courses(started, submissions, kept)
    ran = Counter(task.worker for task in kept)
    return Report(
        seconds=round(max(end for course in courses for end in course.ends), 2),
        tasks=len(kept),
        tokens=sum(one.tokens for one in figures),
        lines=sum(one.lines for one in figures),
        teams=tuple(
            _team(course, courses, [task for task in kept if task.user_id == course.user_id]) for course in courses
        ),
        workers=tuple({"id": name, "pid": pid, "tasks": ran[name]} for name, pid in pids.items()),
        longest_functions=_functions(figures, lambda one: one.longest, lambda function: function.lines),
        knottiest_functions=_functions(figures, lambda one: one.knottiest, lambda function: function.branches),
        largest_files=_largest(Found(one.size, "", short(one.path)) for one in figures),
        courses=courses,
    )


def _courses(started: float, submissions: Sequence[Submission], tasks: Sequence[Task[Any]]) -> tuple[Course, ...]:
    """Say when each team's tasks ended; and when they would have, had the same results come in order of arrival.

    The queue in line is this very run with its results handed out in another order: the first instant at which a
    result came goes to the task that was submitted first, and so on.
    """
    everything = iter(sorted(_seconds(task, started) for task in tasks))
    courses = []
    for one in submissions:
        own = [task for task in tasks if task.user_id == one.team.user_id]
        ends = sorted(_seconds(task, started) for task in own)
        begins = sorted(_began(task, started) for task in own)
        in_line = itertools.islice(everything, len(own))
        courses.append(Course(one.team.user_id, one.at, tuple(begins), tuple(ends), tuple(in_line)))
    return tuple(courses)


def _team(course: Course, courses: Sequence[Course], tasks: Sequence[Task[Any]]) -> TeamReport:
    last, noisy = course.ends[-1], courses[0]
    meanwhile = sum(course.arrived <= end <= last for other in courses for end in other.ends)
    results = [one for task in tasks if (one := _figures(task)) is not None]
    waits = [max(0.0, begin - course.arrived) for begin in course.begins]
    return TeamReport(
        user_id=course.user_id,
        tasks=len(tasks),
        finished=len(results),
        unreadable=sum(one.problem is not None for one in results),
        arrived_s=round(course.arrived, 3),
        took_s=round(last - course.arrived, 3),
        took_in_line_s=round(course.in_line[-1] - course.arrived, 3),
        ahead=0 if course is noisy else sum(end > course.arrived for end in noisy.ends),
        share=round(len(course.ends) / meanwhile, 4),
        wait_p50_ms=_percentile_ms(waits, 0.5),
        wait_p95_ms=_percentile_ms(waits, 0.95),
    )


def _seconds(task: Task[Any], started: float) -> float:
    """Return when a task ended, in seconds after the start."""
    return max(0.0, task.ended_at.timestamp() - started) if task.ended_at else 0.0


def _began(task: Task[Any], started: float) -> float:
    figures = _figures(task)
    return max(0.0, _seconds(task, started) - (figures.ms / 1000 if figures else 0.0))


def _figures(task: Task[Any]) -> Figures | None:
    return msgspec.json.decode(task.result, type=Figures) if task.result is not None else None


def _percentile_ms(waits: Sequence[float], part: float) -> float | None:
    return round(waits[math.ceil(part * len(waits)) - 1] * 1000, 1) if waits else None


def _functions(
    figures: Iterable[Figures], which: Callable[[Figures], Function | None], size: Callable[[Function], int]
) -> tuple[Found, ...]:
    return _largest(
        Found(size(function), function.name, short(one.path))
        for one in figures
        for function in (which(one),)
        if function is not None
    )


def _largest(found: Iterable[Found]) -> tuple[Found, ...]:
    return tuple(heapq.nlargest(_TOP, found, key=lambda one: one.amount))


def _middle(teams: Sequence[TeamReport]) -> float:
    """Return the greatest median of the teams' waits, in seconds: half of the tasks of each waited no longer."""
    return max((team.wait_p50_ms or 0.0 for team in teams), default=0.0) / 1000
