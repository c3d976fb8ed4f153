"""All that is known of a run, laid out for the rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

import msgspec

from tests.chaos.history import Began, Ended, Event, Fault, Push, Trouble
from tests.chaos.journal import Accepted, Entry, Granted, Key, Settled
from tests.chaos.scene import Scene

SLACK = 500.0
"""ms: what a dead worker had sent, Redis may still read."""

LOSING = ("kill", "poison", "stop", "redis kill")
"""Faults after which a lease may lapse. A cut connection or a lost reply is none: what was asked is sent again."""


class Violation(msgspec.Struct, frozen=True):
    """An invariant did not hold."""

    invariant: str
    text: str


class Final(msgspec.Struct, frozen=True):
    """A task as the queue shows it in the end."""

    state: str
    lost: int = 0


class Evidence(msgspec.Struct, dict=True):
    """Three logs and the end."""

    scene: Scene
    journal: list[Entry]
    events: list[Event]
    final: Mapping[Key, Final]
    totals: Mapping[str, int] = {}
    """What `get_stats` says in the end."""
    left: Mapping[str, int] = {}
    """Keys of the queue that should be gone in the end, and how much is in them."""

    @cached_property
    def pushes(self) -> list[Push]:
        return [event for event in self.events if isinstance(event, Push)]

    @cached_property
    def faults(self) -> list[Fault]:
        return [event for event in self.events if isinstance(event, Fault)]

    @cached_property
    def troubles(self) -> list[Trouble]:
        return [event for event in self.events if isinstance(event, Trouble)]

    @cached_property
    def began(self) -> list[Began]:
        return [event for event in self.events if isinstance(event, Began)]

    @cached_property
    def ended(self) -> dict[int, Ended]:
        return {event.token: event for event in self.events if isinstance(event, Ended)}

    @cached_property
    def run_of(self) -> dict[int, Began]:
        return {began.token: began for began in self.began}

    @cached_property
    def tasks(self) -> dict[Key, Accepted]:
        return {entry.key: entry for entry in self.journal if isinstance(entry, Accepted)}

    @cached_property
    def grants(self) -> list[Granted]:
        return [entry for entry in self.journal if isinstance(entry, Granted)]

    @cached_property
    def settled(self) -> dict[int, Settled]:
        return {entry.token: entry for entry in self.journal if isinstance(entry, Settled)}

    @cached_property
    def grants_of(self) -> dict[Key, list[Granted]]:
        found: dict[Key, list[Granted]] = defaultdict(list)
        for grant in self.grants:
            found[grant.key].append(grant)
        return found

    @cached_property
    def _faults_of(self) -> dict[str, list[Fault]]:
        found: dict[str, list[Fault]] = defaultdict(list)
        for fault in self.faults:
            found[fault.whom].append(fault)
        return found

    def causes(self, grant: Granted, lost_at: float) -> list[str]:
        """Return the kinds of faults that explain why a grant was lost, the likeliest first."""
        near = [*self._faults_of[grant.worker], *self._faults_of["redis"]]
        kinds = {fault.kind for fault in near if fault.began <= lost_at and fault.ended + SLACK >= grant.at}
        return [kind for kind in LOSING if kind in kinds]
