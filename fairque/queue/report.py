"""How service was shared of late: what each user got beside what it was entitled to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from fairque.core.fairshare import entitled, jain
from fairque.core.service import COST, RUN_MS, START, wait_percentile
from fairque.store.readings import Sizes

_NOISY: Final = 2.0
"""A user is noisy while it asks for more than so many times what it is entitled to."""
_UNIT: Final = {"count": START, "declared": COST, "time": RUN_MS}


class UserShare(msgspec.Struct, frozen=True, kw_only=True):
    """One user's part of the service in a window. Shares are 0 to 1, of the service of all."""

    user_id: str
    weight: float
    entitled: float
    """By weight, and no more than it asked for (what it got and what waits): weighted max-min fairness."""
    received: float
    starts: int
    run_seconds: float
    waiting: int
    wait_p50_ms: float | None
    wait_p95_ms: float | None
    wait_p99_ms: float | None
    noisy: bool
    """Asks now for more than twice its entitlement."""


class FairnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """How fairly the runs that ended in a window were shared; users with the greatest entitlement first.

    A user that came late in the window is judged as if it had been there throughout, so look at windows in which the
    same users were busy. Workers report once a second.
    """

    cost: str
    """What service is measured in: `count` starts, `declared` costs, or `time` run."""
    jain: float
    """Jain's index over received / entitled: 1 is perfectly fair."""
    users: tuple[UserShare, ...]

    @property
    def noisy(self) -> tuple[str, ...]:
        """The users that are noisy now."""
        return tuple(user.user_id for user in self.users if user.noisy)


def report_of(
    served: Mapping[str, Mapping[str, int]],
    sizes: Mapping[str, Sizes],
    weight_of: Mapping[str, float],
    capped: Collection[str],
    cost: str,
) -> FairnessReport:
    """Return the report. `weight_of` has the users whose weight is not that of `*`; `capped` users are held by a cap of
    their own, and so entitled to no more than they got.
    """
    users = sorted({*served, *sizes})
    weights = {user: weight_of.get(user, weight_of["*"]) for user in users}
    got = {user: float(served.get(user, {}).get(_UNIT[cost], 0)) for user in users}
    starts = sum(measures.get(START, 0) for measures in served.values())
    mean = sum(got.values()) / starts if starts else 1.0
    wanted = {user: got[user] + _waiting(sizes, user) * _mean(served, user, got[user], mean) for user in users}
    wanted |= {user: got[user] for user in capped if user in got}
    total = sum(got.values())
    due = entitled(total, weights, wanted)
    lines = [
        _line(user, weights[user], served.get(user, {}), sizes.get(user, Sizes()))
        | {
            "entitled": round(due[user] / total, 4) if total else 0.0,
            "received": round(got[user] / total, 4) if total else 0.0,
            "noisy": wanted[user] > _NOISY * due[user] and _waiting(sizes, user) > 0,
        }
        for user in users
    ]
    ratios = [got[user] / due[user] for user in users if due[user] > 0]
    shares = [msgspec.convert(line, UserShare) for line in lines]
    shares.sort(key=lambda share: (-share.entitled, share.user_id))
    return FairnessReport(cost=cost, jain=round(jain(ratios), 4), users=tuple(shares))


def _waiting(sizes: Mapping[str, Sizes], user: str) -> int:
    size = sizes.get(user, Sizes())
    return size.queued + size.started


def _mean(served: Mapping[str, Mapping[str, int]], user: str, got: float, otherwise: float) -> float:
    """Return what a start of this user comes to, as far as it is known."""
    starts = served.get(user, {}).get(START, 0)
    return got / starts if starts else otherwise


def _line(user: str, weight: float, measures: Mapping[str, int], size: Sizes) -> dict[str, object]:
    waits = {f"wait_p{share}_ms": _ms(wait_percentile(measures, share / 100)) for share in (50, 95, 99)}
    return {
        "user_id": user,
        "weight": weight,
        "starts": measures.get(START, 0),
        "run_seconds": measures.get(RUN_MS, 0) / 1000,
        "waiting": size.queued,
        **waits,
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
