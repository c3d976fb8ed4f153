"""Rules that sections of settings share: ids of processes, ids that stand twice, and what is checked elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fairque.core.checking import Problem, Rule
from fairque.core.user_lists import brief
from fairque.core.wording import masked, shown
from fairque.errors import TaskValidationError


def process_id_faults(process_id: str) -> Iterator[Problem]:
    """Yield what is wrong with the id of a worker or a scheduler."""
    if not (1 <= len(process_id) <= 128 and process_id.isprintable() and " " not in process_id):
        yield Problem("", f"must be 1 to 128 printable characters without blanks, not {shown(process_id)}")


def same_ids(what: str) -> Callable[[Sequence[object]], Iterable[Problem]]:
    """Return the rule of a list, called `what`, that no two of its sections have one id."""

    def faults(sections: Sequence[object]) -> Iterator[Problem]:
        first: dict[str, int] = {}
        for index, section in enumerate(sections):
            found = getattr(section, "id", None)
            if found is not None and first.setdefault(found, index) != index:
                yield Problem(f"[{index}].id", f"is already the id of {what}[{first[found]}]: {brief(found)}")

    return faults


def taken(name: str, check: Callable[[Any], object], said: str | None = None) -> Rule:
    """Return the rule that a field holds nothing, or what `check` takes; it raises TaskValidationError where it does
    not, and its message begins with `said`, or the field's name.
    """

    def faults(value: object) -> Iterator[Problem]:
        if value is None:
            return
        try:
            check(value)
        except TaskValidationError as error:
            yield Problem("", masked(str(error).removeprefix(said or name).lstrip(": ")))

    return Rule((name,), faults)
