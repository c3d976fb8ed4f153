"""The verdict: all rules over all that is known."""

from __future__ import annotations

from tests.chaos import rules_delivery, rules_sharing
from tests.chaos.evidence import Evidence, Violation

RULES = (*rules_delivery.RULES, *rules_sharing.RULES)


def check(evidence: Evidence) -> list[Violation]:
    """Return everything that should not have happened."""
    return [violation for rule in RULES for violation in rule(evidence)]
