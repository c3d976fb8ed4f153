"""What the doctor says in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from fairque.monitoring.findings import Finding

MOST_TOLD: Final = 20
"""Findings of one code that are told one by one."""
_ORDER: Final = ("error", "warning", "info")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was looked at, and what is off."""

    queue: str
    keys: str
    """What the names of its keys begin with."""
    users: int = 0
    tasks: int = 0
    """Tasks that are ready, running or scheduled."""
    records: int = 0
    """Task records looked at."""
    kept: int = 0
    """Task records there are, of ended tasks too."""
    workers: int = 0
    calls: int = 0
    skipped: tuple[str, ...] = ()
    """What was not looked at, and why."""
    findings: tuple[Finding, ...] = ()
    more: dict[str, int] = {}
    """How many more there are of a code, beyond those that are told."""

    @property
    def healthy(self) -> bool:
        """Whether nothing is wrong; warnings are allowed."""
        return not any(one.severity == "error" for one in self.findings)


def told(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return findings as a report has them: the worst first, of each code some, and how many more there are."""
    counts: Counter[str] = Counter()
    kept = []
    for one in sorted(findings, key=lambda one: (_ORDER.index(one.severity), one.code)):
        counts[one.code] += 1
        if counts[one.code] <= MOST_TOLD:
            kept.append(one)
    more = {code: count - MOST_TOLD for code, count in counts.items() if count > MOST_TOLD}
    return {"findings": tuple(kept), "more": more}
