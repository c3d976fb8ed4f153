"""From facts to findings: schedules, and whether anybody fires them (I18). Pure; nothing is read here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fairque.monitoring.findings import Finding, finding
from fairque.store.checkup import QueueFacts

OVERDUE: Final = 10.0
"""Seconds after which a schedule that is due should have been fired."""

FAULTS: Final = {
    "schedule_corrupt": ("I18.corrupt", "it is not what fairque wrote: it never fires"),
    "schedule_unlisted": ("I18.unlisted", "its user does not have it: it never fires, and would outlive its user"),
    "schedule_undue": ("I18.undue", "it is active, but in no timetable: it would never fire"),
    "schedule_due": ("I18.due", "it stands in the timetable for another time than its next fire"),
    "schedule_failing": ("schedules.failing", "schedulers could make no sense of it when they looked last"),
    "no_schedule": ("I22.schedule-due", "it is to fire, but is not there"),
}
"""What a page of `schedules` or `schedules-due` shows."""


def of_schedules(facts: QueueFacts) -> Iterator[Finding]:
    """Yield whether schedules wait to be fired."""
    late = 0.0 if facts.first_schedule is None else (facts.now - facts.first_schedule) / 1000
    if late > OVERDUE:
        code, who = ("I18.overdue", "schedulers are") if facts.schedulers else ("schedulers.none", "no scheduler is")
        yield finding(code, "queue", f"a schedule has been due for {late:,.0f} s, and {who} up")
