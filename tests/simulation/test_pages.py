"""What people see of a run: the table, two of them side by side, and the picture."""

from __future__ import annotations

import io
import itertools
import re
from xml.etree import ElementTree

import pytest
from rich.console import Console, RenderableType

from fairque.monitoring.simulation_picture import picture_of, picture_of_both
from fairque.monitoring.simulation_report import Report
from fairque.monitoring.simulation_tables import comparison_page, report_page
from tests.simulation.traces import make, report

SVG = "{http://www.w3.org/2000/svg}"
ARRIVALS = ({"user": "a", "count": 40}, {"user": "b", "count": 40}, {"user": "c", "at": 5, "every": 1, "count": 20})


@pytest.fixture(scope="module")
def before(redis_url: str) -> Report:
    return report(make(*ARRIVALS, slots=2, until=40, title="Turns"), redis_url)


@pytest.fixture(scope="module")
def after(redis_url: str) -> Report:
    return report(make(*ARRIVALS, slots=2, until=40, users={"b": {"weight": 3}}), redis_url)


def text_of(page: RenderableType, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(page)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def rows(text: str, user: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith(f"{user} "))


def texts(picture: str) -> set[str]:
    return {element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")}


def dashed_lines(picture: str) -> int:
    return sum("stroke-dasharray" in path.attrib for path in ElementTree.fromstring(picture).iter(f"{SVG}path"))


def test_the_table_says_what_the_report_says(before: Report) -> None:
    text = text_of(report_page(before, pretty=False, width=200))
    head = next(line for line in text.splitlines() if line.startswith("user"))
    assert " ".join(head.split()) == "user weight tasks waiting starts share entitled ratio behind wait p50 p95 p99"
    for user in before.users:
        told = rows(text, user.user_id)
        assert told[1:3] == ["1", f"{user.tasks:,}"]
        assert told[5:7] == [f"{user.share:.2%}", f"{user.entitled_share:.2%}"]
    assert "40 s on 2 slots, 100.0% busy; users competed from 0.0 s to 40.0 s" in text
    assert f"Jain's index {before.jain:.6f}" in text
    assert "idle" not in text


def test_a_narrow_terminal_gets_the_columns_that_matter(before: Report) -> None:
    text = text_of(report_page(before, pretty=True, width=80), width=80)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert "entitled" in text
    assert "weight" not in text


def test_two_runs_stand_side_by_side(before: Report, after: Report) -> None:
    text = text_of(comparison_page(before, after, ["users.b.weight=3"], pretty=False, width=200))
    assert "as it is → with users.b.weight=3" in text
    old, new = ({user.user_id: user for user in one.users} for one in (before, after))
    assert f"{old['b'].share:.2%} → {new['b'].share:.2%}" in text
    assert "1 → 3" in text
    assert text.count("Jain's index") == 2


def test_lost_capacity_and_refused_tasks_are_told(redis_url: str) -> None:
    found = report(make({"user": "a", "every": 0.1, "count": 9}, users={"a": {"max_backlog": 1}}), redis_url)
    assert "7 tasks were refused for a max_backlog" in text_of(report_page(found, pretty=False, width=200))


def test_the_picture_shows_received_and_entitled_service_of_every_user(before: Report) -> None:
    picture = picture_of(before)
    said = texts(picture)
    assert {"Turns", "a", "b", "c", "Service: starts received (dashed: entitled to)", "Tasks waiting"} <= said
    assert dashed_lines(picture) == 3
    assert any(re.search(r"each user received what it was entitled to within \d+\.\d\d%", text) for text in said)


def test_two_runs_are_drawn_to_one_scale(before: Report, after: Report) -> None:
    picture = picture_of_both(before, after, ["users.b.weight=3"])
    said = texts(picture)
    assert "On the left as it is, on the right with users.b.weight=3." in said
    assert {"As it is: tasks waiting", "Changed: tasks waiting"} <= said
    heights = [
        [element.get("y") for element in ElementTree.fromstring(picture).iter(f"{SVG}text") if element.text == number]
        for number in ("10", "20")
    ]
    assert all(len(set(pair)) < len(pair) for pair in heights if len(pair) >= 2)


def test_only_as_many_users_are_drawn_as_there_are_colours(redis_url: str) -> None:
    many = [{"user": f"u{n}", "count": n} for n in range(1, 10)]
    said = texts(picture_of(report(make(*many, slots=9), redis_url)))
    assert {"u9", "u4"} <= said
    assert "u3" not in said
    assert any("3 more users are not drawn." in text for text in said)


def test_with_lists_the_picture_has_no_entitlement(redis_url: str) -> None:
    lists = [{"id": user, "slots": 1, "assigned_users": [user]} for user in "ab"]
    found = report(make({"user": "a", "count": 3}, {"user": "b", "count": 2}, workers=lists), redis_url)
    assert dashed_lines(picture_of(found)) == 0
    assert "no entitled shares" in text_of(report_page(found, pretty=False, width=200))


def test_the_difference_is_small_where_service_is_fair(before: Report) -> None:
    gaps = [
        abs(account.received[user] - account.entitled[user])
        for account, user in itertools.product(before.samples, "abc")
    ]
    assert max(gaps) <= 2
