"""How many tasks a worker may hold: decided from what it has seen, told nothing of threads or Redis."""

from __future__ import annotations

from typing import Final

_WEIGHT: Final = 0.2
"""Weight of the newest batch in the running mean of run times."""


class Pace:
    """A worker holds no task that it does not expect to start within the horizon: a task that waits here waits where no
    other worker can take it, and has been served in its user's name before its time.
    """

    def __init__(self, slots: int, horizon: float, most: int) -> None:
        self.slots = slots
        self._horizon = horizon
        self._most = most
        self._mean: float | None = None
        self._stalled = False

    def note(self, runs: int, seconds: float) -> None:
        """Note that so many runs took so many seconds together. The first batch, and any slower one, counts in full:
        holding too few costs a round trip, holding too many costs fairness.
        """
        self._stalled = False
        mean = seconds / runs
        if self._mean is None or mean > self._mean:
            self._mean = mean
        else:
            self._mean += _WEIGHT * (mean - self._mean)

    def stall(self) -> None:
        """Note that tasks were held and did not start in time: hold none ahead until a run has ended."""
        self._stalled = True

    def room(self) -> int:
        """Return how many tasks the worker may hold at once, those that run included."""
        if self._mean is None or self._stalled:
            return self.slots
        ahead = self.slots * self._horizon / max(self._mean, 1e-7)
        return self.slots + int(min(ahead, self._most))
