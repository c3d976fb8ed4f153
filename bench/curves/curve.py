"""What is found: a curve is figures over one quantity that grows, with what they should reach and their floors."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from fairque.monitoring.bench import Report

Kind = Literal["measured", "floor", "goal"]


class Series(Struct, frozen=True):
    """One figure at each x; None where it was not measured. A `goal` is drawn, and not listed."""

    name: str
    unit: str
    values: list[float | None]
    kind: Kind = "measured"


class Goal(Struct, frozen=True):
    """A figure that should reach something."""

    name: str
    measured: str
    target: str
    met: bool


class Curve(Struct, frozen=True):
    """`what` says how it was measured, `facts` are single figures of the same run: floors first."""

    name: str
    title: str
    what: str
    x_name: str
    x: list[float]
    series: list[Series]
    goals: list[Goal]
    facts: dict[str, float]
    log_x: bool = True
    log_y: bool = False


class Results(Struct, frozen=True):
    """Everything that a run has found."""

    date: str
    quick: bool
    versions: dict[str, Any]
    main: Report | None
    curves: list[Curve]


def at_least(name: str, value: float, target: float, of: str) -> Goal:
    return Goal(name, f"{value:.2f}", f"at least {target:g} of {of}", value >= target)


def at_most(name: str, value: float, target: float, unit: str) -> Goal:
    return Goal(name, f"{value:.2f}" if value < 10 else f"{value:.1f}", f"at most {target:g}{unit}", value <= target)


def level(name: str, unit: str, value: float, points: int, kind: Kind = "goal") -> Series:
    """Return a line of one height."""
    return Series(name, unit, [value] * points, kind)
