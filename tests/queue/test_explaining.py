"""Explanations out of what was read, where a real queue would take long to get there."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fairque.core.codec import Body, Terms, encode_body
from fairque.core.limits import Caps, UserSettings
from fairque.queue.explaining import Explanation, explanation_of
from fairque.store.explained import Bar, Explained
from fairque.store.readings import Sizes
from fairque.store.records import Record

NAME = "m:f"


def explained(**changes: Any) -> Explained:
    """Return a ready task of `u` which the list `abc` names."""
    body = encode_body(Body(NAME, [], {}, Terms(None, None, None), 1.0))
    record = Record("u", "t1", "Q", 3, 0, 0, 0, "", None, body, None)
    free = {
        "user": Bar("", UserSettings(), 0, None),
        "name": Bar("", Caps(), 0, None),
        "queue": Bar("", Caps(), 0, None),
    }
    place: dict[str, Any] = {"ahead": 0, "turns": 0, "ready": 1, "lists": frozenset({"abc"})}
    place |= {"due_ms": None, "now_ms": int(time.time() * 1000)}
    return Explained(**({"record": record} | place | free | changes))


def told(worker: dict[str, Any] | None = None, **changes: Any) -> Explanation:
    up = {"last_seen": time.time(), "lists": ["*"], "tasks": [NAME], "tasks_total": 1}
    return explanation_of(explained(**changes), [up | (worker or {})], {"u": Sizes(queued=1)}, {"*": 1.0})


@pytest.mark.parametrize(
    ("worker", "codes"),
    [
        ({}, ["turn"]),
        ({"lists": ["abc"]}, ["turn"]),
        ({"lists": ["other"]}, ["no_worker"]),
        ({"lists": []}, ["no_worker"]),
        ({"last_seen": time.time() - 16}, ["no_worker"]),
        ({"tasks": ["m:g"]}, ["unknown_task"]),
        ({"tasks": ["m:g"], "tasks_total": 2}, ["turn"]),
    ],
)
def test_a_worker_counts_that_beat_of_late_serves_the_user_and_may_know_the_task(
    worker: dict[str, Any], codes: list[str]
) -> None:
    assert [reason.code for reason in told(worker).reasons] == codes


def test_everything_that_bars_it_is_told_the_widest_first() -> None:
    at = int(time.time() * 1000)
    reasons = told(
        {"lists": []},
        queue=Bar("c", Caps(max_concurrency=8), 9, None),
        user=Bar("r", UserSettings(rate="1/m"), 0, at),
        name=Bar("p", Caps(paused=True), 0, None),
    ).reasons
    assert [reason.code for reason in reasons] == ["max_concurrency", "rate", "paused", "no_worker"]
    assert reasons[0].text == "the queue at max_concurrency 9/8"
    assert reasons[2].text == "task m:f is paused"


def test_numbers_are_read_by_people() -> None:
    assert told(ahead=1, turns=12_345).reasons[0].text == (
        "waits for its turn: 1 task of its user and 12,345 users before it"
    )
    assert told(user=Bar("", UserSettings(weight=3), 0, None)).weight == 3
