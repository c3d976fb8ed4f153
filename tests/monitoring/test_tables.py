"""Tables: what people read, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from fairque.monitoring.overview import Overview, UserLine
from fairque.monitoring.overview_page import overview_page
from fairque.monitoring.tables import bar, show, span, users_table, wait_text, workers_table
from fairque.store.readings import Stats

STATS = Stats(
    queue="default",
    users=2,
    workers=1,
    queued=1234,
    started=3,
    deferred=0,
    scheduled=0,
    finished_total=99,
    failed_total=1,
    canceled_total=0,
    retried_total=0,
    lost_total=0,
    failed=1,
)
USERS = (
    UserLine(user_id="[red]acme", queued=1234, started=3, served=30, share=0.75, wait_p50_ms=12.3, wait_p95_ms=4000),
    UserLine(user_id="日本", failed=1, served=10, share=0.25, wait_p50_ms=0.9, wait_p95_ms=1.0),
)
WORKER = {
    "id": "w-1",
    "host": "box",
    "pid": 7,
    "running": 3,
    "slots": 10,
    "assigned_users": ["a", "b", "c", "d", "e"],
    "steal_targets": ["*"],
    "started_at": 0.0,
    "last_seen": 100.0,
}


def printed(page: object, *, terminal: bool, width: int = 120) -> str:
    file = io.StringIO()
    term = {"TERM": "xterm-256color"}  # whatever the one is in which the tests run
    console = Console(file=file, force_terminal=terminal, width=width, highlight=False, _environ=term)
    show(console, page)  # type: ignore[arg-type]
    return file.getvalue()


def page(*, pretty: bool, rows: int | None = None) -> object:
    overview = Overview(queue="default", stats=STATS, users=USERS, workers=(WORKER,))
    return overview_page(overview, address="redis://h", pretty=pretty, rows=rows)


def test_a_pipe_gets_no_escapes_no_frames_and_no_trailing_blanks() -> None:
    text = printed(page(pretty=False), terminal=False)
    assert "\x1b" not in text
    assert not set("─│┃━█") & set(text)
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "1,234 waiting" in text
    assert "75.0%" in text


def test_a_terminal_gets_colours_and_bars() -> None:
    text = printed(page(pretty=True), terminal=True)
    assert "\x1b[" in text
    assert "██████" in text


def test_an_id_is_never_taken_for_markup() -> None:
    assert "[red]acme" in printed(page(pretty=False), terminal=False)


def test_users_beyond_the_rows_are_counted() -> None:
    text = printed(page(pretty=False, rows=1), terminal=False)
    assert "日本" not in text
    assert "and 1 more users" in text


def test_a_worker_shows_whom_it_serves_and_how_long_it_has_been_silent() -> None:
    text = printed(workers_table([WORKER], now=160.0, pretty=False), terminal=False)
    row = text.splitlines()[1].split("  ")
    assert [cell.strip() for cell in row if cell.strip()] == [
        "w-1",
        "box:7",
        "3/10",
        "a, b, c, d, …",
        "everyone",
        "3 min",
        "60 s ago",
    ]


def test_the_weight_of_each_user_is_shown_and_what_bars_it_where_something_does() -> None:
    assert "barred by" not in printed(users_table(USERS, pretty=False), terminal=False)
    marked = (
        UserLine(user_id="a", weight=2.5, paused=True, bars=("paused",)),
        UserLine(user_id="b", started=5, max_concurrency=5, rate="1/s", bars=("max_concurrency", "rate")),
        UserLine(user_id="c", max_concurrency=0, bars=("max_concurrency",)),
        UserLine(user_id="d", queued=1200, max_backlog=1000, bars=("max_backlog",)),
        UserLine(user_id="e"),
    )
    head, *rows = printed(users_table(marked, pretty=False), terminal=False).splitlines()
    said = {row.split()[0]: (row.split()[1], row[head.index("barred by") :]) for row in rows}
    assert said == {
        "a": ("2.5", "paused"),
        "b": ("1", "5/5 running, rate 1/s"),
        "c": ("1", "none may run"),
        "d": ("1", "backlog 1,200/1,000"),
        "e": ("1", ""),
    }


def test_a_pause_of_everything_stands_above_the_users() -> None:
    overview = Overview(queue="default", stats=STATS, users=USERS, workers=(), paused=("the queue", "task [b]m:f"))
    text = printed(overview_page(overview, address="redis://h", pretty=False), terminal=False)
    assert "paused, so that nothing starts: the queue, task [b]m:f" in text.splitlines()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "    "), (1, "████"), (0.5, "██  "), (0.03, "▏   "), (0.99, "████"), (7, "████"), (-1, "    ")],
)
def test_a_bar_is_exact_to_an_eighth(share: float, text: str) -> None:
    assert bar(share, 4) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(None, "-"), (0.2, "0 ms"), (994, "994 ms"), (999, "1.0 s"), (9_949, "9.9 s"), (12_000, "12 s")]
)
def test_waits_have_units(ms: float | None, text: str) -> None:
    assert wait_text(ms) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.96, "10 s"), (119, "119 s"), (150, "2 min"), (7_200, "2 h"), (200_000, "2 d")],
)
def test_spans_have_units(seconds: float, text: str) -> None:
    assert span(seconds) == text
