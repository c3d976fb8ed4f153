"""The seven states and the moves between them."""

from __future__ import annotations

import pytest

from fairque.core.state import LETTERS, MOVES, TaskState


def test_there_are_exactly_seven_states_named_as_in_the_contract() -> None:
    assert {state.value for state in TaskState} == {
        "queued", "started", "deferred", "finished", "failed", "canceled", "scheduled",
    }  # fmt: skip
    assert all(state == state.value == str(state) for state in TaskState)


def test_a_task_has_ended_when_it_is_finished_failed_or_canceled() -> None:
    assert {state for state in TaskState if state.ended} == {TaskState.FINISHED, TaskState.FAILED, TaskState.CANCELED}


def test_every_letter_of_a_record_is_one_state() -> None:
    assert len(set(LETTERS.values())) == len(LETTERS)
    assert all(len(letter) == 1 and letter.isupper() for letter in LETTERS)


def test_a_started_task_is_a_queued_one_with_a_lease() -> None:
    assert TaskState.STARTED not in LETTERS.values()


def test_a_state_and_an_event_have_one_outcome() -> None:
    assert len({(move.before, move.event) for move in MOVES}) == len(MOVES)


@pytest.mark.parametrize("state", [state for state in TaskState if state.ended])
def test_an_ended_task_only_ever_goes_away_or_is_queued_again_by_request(state: TaskState) -> None:
    after = {(move.event, move.after) for move in MOVES if move.before is state and move.after is not None}
    again = {("requeue", TaskState.QUEUED), ("requeue behind parents", TaskState.DEFERRED)}
    assert after == (set() if state is TaskState.FINISHED else again)


def test_every_task_that_is_pushed_can_end_and_every_state_that_is_entered_can_be_left() -> None:
    reached: set[TaskState | None] = {None}
    while more := {move.after for move in MOVES if move.before in reached} - reached:
        reached |= more
    assert {TaskState.FINISHED, TaskState.FAILED} <= reached
    assert all(any(move.before is state for move in MOVES) for state in reached)
    assert {move.before for move in MOVES} <= reached
