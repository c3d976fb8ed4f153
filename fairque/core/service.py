"""Service as it is counted: how many starts each user got, for how long they ran, how long they had waited.

A worker sums these and sends the sums with its heartbeat, so that a task costs Redis nothing for them. Measures are
`n` (starts), `c` (their declared costs), `ms` (run time) and `w<k>` (starts whose wait fell into bucket k).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

START, COST, RUN_MS, WAIT = "n", "c", "ms", "w"
_PER_OCTAVE = 4
"""Buckets per doubling: a percentile read from them is at most 19 % above the true one."""


@lru_cache(4096)
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
        self._sums: dict[str, _Sums] = {}

    def count(self, user_id: str, wait_ms: int, run_ms: float, cost: float) -> None:
        """Count one run of a user."""
        sums = self._sums.get(user_id)
        if sums is None:
            sums = self._sums[user_id] = _Sums()
        sums.starts += 1
        sums.cost += cost
        sums.run_ms += run_ms
        bucket = wait_bucket(wait_ms)
        sums.waits[bucket] = sums.waits.get(bucket, 0) + 1

    def take(self) -> dict[tuple[str, str], int]:
        """Return the sums in whole numbers, and begin anew with what they lack."""
        taken, self._sums = self._sums, {}
        whole: dict[tuple[str, str], int] = {}
        for user_id, sums in taken.items():
            measures = {START: sums.starts, COST: int(sums.cost), RUN_MS: int(sums.run_ms)}
            measures |= {f"{WAIT}{bucket}": count for bucket, count in sums.waits.items()}
            whole |= {(user_id, measure): amount for measure, amount in measures.items() if amount}
            left = _Sums(cost=sums.cost % 1, run_ms=sums.run_ms % 1)
            if left.cost or left.run_ms:
                self._sums[user_id] = left
        return whole


class _Sums:
    """What one user's runs came to."""

    __slots__ = ("cost", "run_ms", "starts", "waits")

    def __init__(self, *, cost: float = 0.0, run_ms: float = 0.0) -> None:
        self.starts, self.cost, self.run_ms = 0, cost, run_ms
        self.waits: dict[int, int] = {}
