"""Numbers that a program gives: checked once, told in the same words everywhere."""

from __future__ import annotations

from typing import Final

from fairque.core.wording import shown
from fairque.errors import TaskValidationError

MAX_SECONDS: Final = 10 * 365 * 86_400.0
"""Longest delay or retention, in seconds: ten years."""


def check_number(name: str, value: object, least: float, most: float) -> float:
    """Return `value` as a float if it is a number between the bounds; NaN is not, and bools are not numbers here.

    Raises:
        TaskValidationError: it is not; the message begins with `name`.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TaskValidationError(f"{name}: expected a number, got {shown(value)}")
    if not least <= value <= most:  # also NaN and infinity; an int of any size compares exactly
        raise TaskValidationError(f"{name}: must be from {least:g} to {most:.0f}, got {shown(value)}")
    return float(value)


def check_seconds(name: str, value: object, *, least: float = 0.0, most: float = MAX_SECONDS) -> float:
    """Return `value` as a float if it is a finite number of seconds between the bounds.

    Raises:
        TaskValidationError: it is not; the message begins with `name`.
    """
    return check_number(name, value, least, most)


def check_timeout(value: object) -> float:
    """Return for how many seconds to wait at most; less than none is none.

    Raises:
        TaskValidationError: it is not a finite number.
    """
    return max(0.0, check_number("timeout", value, -MAX_SECONDS, MAX_SECONDS))


def check_whole(name: str, value: object, least: int, most: int) -> int:
    """Return `value` if it is an int between the bounds; bools are not ints here.

    Raises:
        TaskValidationError: it is not; the message begins with `name`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise TaskValidationError(f"{name}: expected an int from {least} to {most}, got {shown(value)}")
    return value
