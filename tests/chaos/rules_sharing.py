"""What must hold between tasks: order within a user, shares among users, caps, lists, times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import groupby

from fairque.core.ids import EVERYONE
from tests.chaos.evidence import Evidence, Violation
from tests.chaos.fairness import Sharing
from tests.chaos.journal import Capped, Granted, Key, Scheduled, Settled
from tests.chaos.standing import Standing


def first_grants_follow_pushes(evidence: Evidence) -> Iterator[Violation]:
    """I12: a user's tasks of equal priority are first granted in the order in which they were pushed.

    Tasks of a name with a cap stand in a line of their own: others of their user may pass them.
    """
    last_seq: dict[tuple[str, int, bool], int] = defaultdict(int)
    for grant in evidence.grants:
        if grant.attempt == 1:
            line = grant.key[0], grant.level, grant.name in evidence.scene.caps
            if grant.seq <= last_seq[line]:
                yield Violation("I12", f"{line}: place {grant.seq} was first granted after place {last_seq[line]}")
            last_seq[line] = max(grant.seq, last_seq[line])
    order = {grant.key: n for n, grant in enumerate(evidence.grants) if grant.attempt == 1}
    last: dict[tuple[str, str, int, bool], tuple[int, str]] = {}
    for push in evidence.pushes:
        granted = order.get((push.user, push.id))
        if granted is None or not push.acked or push.delayed or push.again:
            continue
        queue = push.producer, push.user, push.level, push.job in evidence.scene.caps
        before, serial = last.get(queue, (-1, ""))
        if granted < before:
            yield Violation("I12", f"{push.serial} was pushed after {serial} and first granted before it")
        last[queue] = max((granted, push.serial), (before, serial))


def shares_follow_weights(evidence: Evidence) -> Iterator[Violation]:
    """I13: of users that are backlogged throughout and served by the same workers, none gets ahead of its weight."""
    yield from Sharing(evidence).violations()


def workers_keep_to_their_lists(evidence: Evidence) -> Iterator[Violation]:
    """I14: a worker serves its lists only, and steals only when none of its assigned users has a task for it."""
    standing = Standing(evidence)
    for _, entries in groupby(evidence.journal, key=lambda entry: entry.step):
        stolen: list[Granted] = []
        for entry in entries:
            standing.apply(entry)
            if isinstance(entry, Granted):
                place = evidence.scene.workers[entry.worker].place_of(entry.key[0])
                if not place:
                    yield Violation("I14", f"{entry.worker} was granted a task of {entry.key[0]}, not on its lists")
                if place == "steal":
                    stolen.append(entry)
        for grant in stolen:
            assigned = evidence.scene.workers[grant.worker].assigned
            waiting = [user for user in assigned if user != EVERYONE and standing.is_servable(user)]
            if waiting:
                yield Violation("I14", f"{grant.worker} stole {grant.token} of {grant.key[0]} while {waiting} waited")


def caps_hold(evidence: Evidence) -> Iterator[Violation]:
    """I15: no grant takes a user or a task name beyond its max_concurrency; leases count, crashes included."""
    caps: dict[str, int | None] = {}
    running: Counter[str] = Counter()
    for entry in evidence.journal:
        if isinstance(entry, Capped):
            caps[entry.subject] = entry.most
        elif isinstance(entry, Granted | Settled):
            subjects = entry.key[0], "|" + evidence.tasks[entry.key].name
            for subject in subjects:
                running[subject] += 1 if isinstance(entry, Granted) else -1
                most = caps.get(subject)
                if isinstance(entry, Granted) and most is not None and running[subject] > most:
                    yield Violation("I15", f"{subject}: {running[subject]} tasks run, its cap is {most}")


def nothing_starts_early(evidence: Evidence) -> Iterator[Violation]:
    """I16: a delayed task or a retry is not granted before its time."""
    due: dict[Key, float] = {}
    for entry in evidence.journal:
        if isinstance(entry, Scheduled):
            due[entry.key] = entry.due
        elif isinstance(entry, Granted) and entry.at < due.pop(entry.key, 0):
            yield Violation("I16", f"{entry.key[1]}: granted before its time")


RULES = (
    first_grants_follow_pushes,
    shares_follow_weights,
    workers_keep_to_their_lists,
    caps_hold,
    nothing_starts_early,
)
