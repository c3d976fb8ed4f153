"""The demo's figures: computed from instants that were written down, so with numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from fairque.core.models import Task
from fairque.monitoring.demo_files import Team, short, spread, standard_library, teams
from fairque.monitoring.demo_picture import picture_of
from fairque.monitoring.demo_report import Report, Submission, make_report
from fairque.monitoring.demo_tasks import Figures, Function, measure

START = 1_000.0
USERS = ("team-platform", "team-search", "team-billing", "team-support")


def ended(user: str, second: float, *, ms: float = 100.0, lines: int = 10, worker: str = "w") -> Task[Any]:
    figures = Figures(f"/x/{user}.py", 5 * lines, lines, 7, 3, Function("f", lines, 2), Function("g", 1, lines), ms)
    instant = datetime.fromtimestamp(START + second, UTC)
    return Task(user_id=user, ended_at=instant, result=msgspec.json.encode(figures), worker=worker)


def submission(user: str, at: float, count: int) -> Submission:
    return Submission(Team(user, ("x.py",) * count, "somewhere"), at, tuple(f"{user}-{n}" for n in range(count)))


@pytest.fixture
def report() -> Report:
    """Four tasks of the noisy team at 1, 4, 7 and 8 s; one of each of the others soon after it came."""
    tasks: list[Task[Any] | None] = [ended("team-platform", second, lines=int(second)) for second in (1, 4, 7, 8)]
    tasks += [ended("team-search", 2), ended("team-billing", 3), ended("team-support", 6, worker="v")]
    submissions = [submission("team-platform", 0.0, 4), submission("team-search", 0.5, 1)]
    submissions += [submission("team-billing", 0.5, 1), submission("team-support", 5.0, 1)]
    return make_report(START, submissions, tasks, {"v": 1, "w": 2})


def test_in_line_the_same_instants_go_to_tasks_in_order_of_arrival(report: Report) -> None:
    assert [course.in_line for course in report.courses] == [(1, 2, 3, 4), (6,), (7,), (8,)]
    assert [team.took_s for team in report.teams] == [8, 1.5, 2.5, 1]
    assert [team.took_in_line_s for team in report.teams] == [4, 5.5, 6.5, 3]


def test_ahead_is_what_the_noisy_team_had_not_finished(report: Report) -> None:
    assert [team.ahead for team in report.teams] == [0, 4, 4, 2]


def test_waits_end_where_the_task_begins(report: Report) -> None:
    assert report.team("team-support").wait_p50_ms == pytest.approx(900)
    assert report.team("team-platform").wait_p95_ms == pytest.approx(7900)


def test_share_is_of_what_was_finished_meanwhile(report: Report) -> None:
    assert [team.share for team in report.teams] == [round(4 / 7, 4), 0.5, 0.3333, 1.0]


def test_totals_and_tops(report: Report) -> None:
    assert (report.seconds, report.tasks, report.lines, report.failed) == (8, 7, 50, 0)
    assert [worker["tasks"] for worker in report.workers] == [1, 6]
    assert [found.amount for found in report.longest_functions] == [10, 10, 10, 8, 7]
    assert "courses" not in report.to_json()
    assert report.fairness_line.startswith("team-support came when 2 tasks of team-platform were still to do.")


def test_a_task_without_a_result_counts_as_failed() -> None:
    bare = Task[Any](user_id="team-platform", ended_at=datetime.fromtimestamp(START + 1, UTC), worker="w")
    others = [ended(user, 2) for user in USERS[1:]]
    report = make_report(START, [submission(user, 0.0, 1) for user in USERS], [bare, *others], {"w": 1})
    assert report.failed == 1
    assert (report.team("team-platform").finished, report.team("team-platform").tasks) == (0, 1)


def test_the_picture_names_every_team_with_its_figures(report: Report) -> None:
    text = picture_of(report)
    assert "team-support: 1 tasks in 1.0 s" in text
    assert "team-platform: 4 tasks" in text


def test_the_files_are_real_and_the_same_each_time() -> None:
    assert teams(50) == teams(50)
    noisy, *quiet = teams(50)
    assert len(noisy.files) == 50
    assert [len(team.files) for team in quiet] == [14, 12, 10]
    assert len(standard_library()) > 500
    assert spread(range(10), 3) == (0, 3, 6)  # type: ignore[comparison-overlap,arg-type]
    assert short(next(file for file in standard_library() if file.endswith("/json/decoder.py"))) == "json/decoder.py"


def test_a_file_is_measured_and_one_that_is_no_python_is_told(tmp_path: Any) -> None:
    path = tmp_path / "some.py"
    path.write_text("def f(x):\n    if x:\n        return 1\n\n\ndef g(): pass\n", encoding="utf-8")
    figures = measure(str(path))()
    assert (figures.lines, figures.names, figures.problem) == (6, 7, None)
    assert figures.longest == figures.knottiest == Function("f", 3, 1)
    path.write_text("x = = 1\n", encoding="utf-8")
    assert measure(str(path))().problem == "SyntaxError"
