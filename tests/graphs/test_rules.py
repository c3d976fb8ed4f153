"""The judge of random graphs notices what it is there for."""

from __future__ import annotations

import pytest

from tests.graphs.record import Came, Event, Granted
from tests.graphs.rules import violations
from tests.graphs.shape import Tie, Ties

TIES: Ties = {"a": Tie("w", ()), "b": Tie("w", ()), "c": Tie("w", ("a", "b"))}


def story(text: str) -> list[Event]:
    """Return events: `aQ` a task comes to a state, `a1` it is granted for so many times."""
    return [Granted(one[0], int(one[1])) if one[1].isdigit() else Came(one[0], one[1]) for one in text.split()]


BEGUN = "aQ bQ cD a1 b1 "


@pytest.mark.parametrize(
    "text",
    [
        "aF bF cQ c1 cF",
        "aX aQ a2 aF bF cQ c1",  # retried
        "aF bF cQ c1 cX cQ c2 cQ c3",  # a child is retried, and lost
        "aF bG cC cQ c1",  # what is deleted bars nobody who begins anew
    ],
)
def test_a_sound_story(text: str) -> None:
    assert list(violations(story(BEGUN + text), TIES)) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("aF cQ c1", "c (w) was granted before b (Q)"),
        ("aF bX cQ c1", "c (w) was granted before b (X)"),
        ("aF bF c1", "c was granted while it was D"),
        ("aF bF cQ c1 c1", "c: attempt 1 was granted after 1"),
        ("aF bF cQ c2", "c: attempt 2 was granted after 0"),
        ("aX bF cC cQ c1", "before a (X)"),
        ("aF bG cQ c1", "before b (G)"),
    ],
)
def test_a_spoiled_story(text: str, told: str) -> None:
    (found,) = violations(story(BEGUN + text), TIES)
    assert told in found


@pytest.mark.parametrize(
    ("policy", "enough"),
    [("w", "F"), ("c", "F"), ("s", "F"), ("r", "FXCG"), ("f", "X")],
)
def test_each_policy(policy: str, enough: str) -> None:
    ties = {"a": Tie("w", ()), "c": Tie(policy, ("a",))}
    for letter in "FXCGQW":
        assert (not list(violations(story(f"aQ cD a1 a{letter} cQ c1"), ties))) is (letter in enough)
