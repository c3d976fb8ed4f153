"""The checker finds what it is there to find: a sound history passes, and each kind of violation is named."""

from __future__ import annotations

import pytest

from tests.chaos.checker import check
from tests.chaos.hand_made import Story, sound
from tests.chaos.spoiled import WAYS, Spoil


def found(story: Story) -> set[str]:
    return {violation.invariant for violation in check(story.evidence())}


def test_a_sound_history_passes() -> None:
    assert check(sound().evidence()) == []


@pytest.mark.parametrize(
    ("invariant", "spoil"), WAYS, ids=[f"{way.__name__}_{invariant.lower()}" for invariant, way in WAYS]
)
def test_each_kind_of_violation_is_found(invariant: str, spoil: Spoil) -> None:
    story = sound()
    spoil(story)
    assert invariant in found(story)


def test_fair_turns_pass_i13() -> None:
    story = Story()
    of_a = [story.push("a", f"a{n}") for n in range(6)]
    of_b = [story.push("b", f"b{n}") for n in range(12)]
    for turn, key in enumerate(of_a):
        story.run(key)
        story.run(of_b[2 * turn])
        story.run(of_b[2 * turn + 1])
    assert found(story) == set()


def test_what_was_given_back_may_be_made_up_for_at_once_i13() -> None:
    story = Story()
    of_a = [story.push("a", f"a{n}") for n in range(6)]
    of_b = [story.push("b", f"b{n}") for n in range(12)]
    for turn, key in enumerate(of_a[:2]):
        story.grant(key, begins=False)
        story.run(of_b[2 * turn])
        story.run(of_b[2 * turn + 1])
    for key in of_a[:2]:
        story.settle(key, "released")
    for key in of_a[:2]:
        story.run(key)
    assert "I13" not in found(story)
    story.run(of_a[2])
    story.run(of_a[3])
    assert "I13" in found(story)
