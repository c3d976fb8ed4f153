"""What users are entitled to, and how fairly they were served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate


def entitled(total: float, weights: Mapping[str, float], demands: Mapping[str, float]) -> dict[str, float]:
    """Share `total` among users by weight, nobody getting more than it demands: weighted max-min fairness.

    What one does not need is shared among the others, again by weight (Bertsekas and Gallager, Data Networks, 6.5.2).
    Demands and shares are amounts of service in one unit.
    """
    shares: dict[str, float] = {}
    left = min(total, sum(demands.values()))
    users = sorted(demands, key=lambda user: demands[user] / weights[user])
    behind = list(accumulate(weights[user] for user in reversed(users)))  # summed from the end: small ones keep theirs
    for user in users:
        shares[user] = min(demands[user], left * weights[user] / behind.pop())
        left -= shares[user]
    return shares


def jain(values: Sequence[float]) -> float:
    """Return Jain's fairness index: 1 where all are equal, 1/n where one has everything (Jain, Chiu, Hawe, 1984)."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0
