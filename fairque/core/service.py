"""Service as it is counted: how many starts each user got, for how long they ran, how long they had waited.

A worker sums these and sends the sums with its heartbeat, so that a task costs Redis nothing for them. Measures are
`n` (starts), `c` (their declared costs), `ms` (run time) and `w<k>` (starts whose wait fell into bucket k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

START, COST, RUN_MS, WAIT = "n", "c", "ms", "w"
_PER_OCTAVE = 4
"""Buckets per doubling: a percentile read from them is at most 19 % above the true one."""


def wait_bucket(wait_ms: float) -> int:
    """Return the bucket of a wait: 0 up to 1 ms, then four for each doubling."""
    return 0 if wait_ms <= 1 else math.ceil(_PER_OCTAVE * math.log2(wait_ms))


def wait_percentile(measures: Mapping[str, int], share: float) -> float | None:
    """Return the wait in seconds that the given share (0 to 1) of starts did not exceed; None without any start."""
    buckets = sorted((int(name[1:]), count) for name, count in measures.items() if name.startswith(WAIT))
    left = share * sum(count for _, count in buckets)
    for bucket, count in buckets:
        left -= count
        if left <= 0:
            return float(2 ** (bucket / _PER_OCTAVE)) / 1000
    return None


class Tally:
    """Sums since they were last taken. Not for several threads at once."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], float] = {}

    def count(self, user_id: str, wait_ms: int, run_ms: float, cost: float) -> None:
        """Count one run of a user."""
        for measure, amount in ((START, 1), (COST, cost), (RUN_MS, run_ms), (f"{WAIT}{wait_bucket(wait_ms)}", 1)):
            key = (user_id, measure)
            self._sums[key] = self._sums.get(key, 0) + amount

    def take(self) -> dict[tuple[str, str], int]:
        """Return the sums in whole numbers, and begin anew with what they lack."""
        whole = {key: int(amount) for key, amount in self._sums.items()}
        self._sums = {key: rest for key, amount in self._sums.items() if (rest := amount - whole[key])}
        return {key: amount for key, amount in whole.items() if amount}
