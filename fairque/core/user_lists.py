"""What may stand in a worker's lists of users, and in what a configuration says of users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fairque.core.checking import MOST_PER_LIST, Problem, first_few
from fairque.core.ids import EVERYONE, check_user_id
from fairque.core.wording import masked
from fairque.errors import TaskValidationError


def user_faults(users: Iterable[str]) -> Iterable[Problem]:
    """Return what is wrong with these names of users; `*` is all of them."""
    problems = []
    for index, user in enumerate(users):
        try:
            if user != EVERYONE:
                check_user_id(user)
        except TaskValidationError as error:
            problems.append(Problem(f"[{index}]", masked(str(error).removeprefix("user_id: "))))
    return first_few(problems)


def user_list_faults(users: Sequence[str]) -> Iterable[Problem]:
    """Return what is wrong with a worker's list."""
    problems = list(user_faults(users))
    seen: set[str] = set()
    for index, user in enumerate(users):
        if user in seen:
            problems.append(Problem(f"[{index}]", f"is in the list twice: {brief(user)}"))
        seen.add(user)
    if EVERYONE in seen and len(seen) > 1:
        problems.append(Problem("", f"'{EVERYONE}' means everyone and must stand alone"))
    return first_few(problems)


def overlap_faults(steal: Sequence[str], assigned: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with a worker's two lists taken together."""
    if not steal and not assigned:
        yield Problem("", "is empty, and so is assigned_users: this worker would serve no one")
    taken = set(steal) if EVERYONE in assigned else set(assigned)
    both = [user for user in dict.fromkeys(steal) if user in taken]
    if both:
        more = f" and {len(both) - MOST_PER_LIST:,} more" if len(both) > MOST_PER_LIST else ""
        yield Problem("", f"overlaps assigned_users: {', '.join(map(brief, both[:MOST_PER_LIST]))}{more}")


def brief(name: str) -> str:
    """Return a name fit for an error: short, on one line, without a password."""
    return masked(name) if name.isprintable() and len(name) <= 256 else ascii(name[:40])
