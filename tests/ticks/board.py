"""What the processes of a run have in common: the simulated clock, and what each has done. It lies in shared memory.

What is counted has one writer each: the process on that post.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Final

POSTS: Final = 5
"""Schedulers at a time."""
CALLS: Final = ("tick", "fire", "schedule", "other")
POSITIONS: Final = ("is to be sent", "is sent", "is answered")
KINDS: Final = ("kill", "stop", "lost reply")
ACTS: Final = ("ticks", "takeovers", "changes", "unreachable", "refused")

WAR, PEACE, OVER = 0, 1, 2
"""Faults strike; they do not any more; the schedulers are to end."""

Cell = tuple[str, str, str]
"""A kind of fault, the call, and the position at which it struck."""
CELLS: Final[tuple[Cell, ...]] = tuple(
    (kind, call, position)
    for call in CALLS
    for position in POSITIONS
    for kind in KINDS
    if kind != "lost reply" or position == "is sent"
)
_WIDTH: Final = len(CELLS) + len(ACTS)


class Board:
    """Numbers that the director and the schedulers see."""

    def __init__(self) -> None:
        self._numbers = memoryview(mmap.mmap(-1, 8 * (3 + POSTS * _WIDTH))).cast("q")

    @property
    def clock(self) -> int:
        """The simulated instant, in epoch milliseconds."""
        return self._numbers[0]

    @clock.setter
    def clock(self, at: int) -> None:
        self._numbers[0] = at

    @property
    def phase(self) -> int:
        """WAR, PEACE or OVER."""
        return self._numbers[1]

    @phase.setter
    def phase(self, phase: int) -> None:
        self._numbers[1] = phase

    @property
    def is_set_up(self) -> bool:
        """Whether somebody has added all schedules."""
        return bool(self._numbers[2])

    @is_set_up.setter
    def is_set_up(self, done: bool) -> None:
        self._numbers[2] = done

    def note(self, post: int, what: str | Cell) -> None:
        """Count what a scheduler has done, or what is about to befall it."""
        self._numbers[self._place(post, what)] += 1

    def count(self, what: str | Cell) -> int:
        """Return how often that was."""
        return sum(self._numbers[self._place(post, what)] for post in range(POSTS))

    def faults(self) -> Iterator[tuple[Cell, int]]:
        """Yield how often each fault struck where."""
        yield from ((cell, self.count(cell)) for cell in CELLS)

    def _place(self, post: int, what: str | Cell) -> int:
        within = ACTS.index(what) if isinstance(what, str) else len(ACTS) + CELLS.index(what)
        return 3 + post * _WIDTH + within
