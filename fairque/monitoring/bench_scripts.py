"""Push, claim and finish by the scripts alone: what Redis does for a task, with next to nothing of a client."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from fairque.core.codec import Ending
from fairque.core.outcome import Done
from fairque.queue.intake import Mint
from fairque.store import claims, tasks
from fairque.store.call import Call
from fairque.store.driver import Driver

BODY: Final = b"bench:nothing|" + b"b" * 86


def pushes(root: str, users: Sequence[str], count: int, body: bytes = BODY) -> list[Call[list[tasks.Accepted]]]:
    """Return the calls that push so many tasks, by default of 100 bytes, one for each user in turn."""
    return [tasks.push(root, chunk) for chunk in tasks.chunks(_entries(root, users, count, body))]


def settle(driver: Driver, root: str, most: int | None = None) -> int:
    """Claim and finish tasks until none is left, or at least `most` are finished; return how many that were."""
    done, ending = Done(b"null"), Ending("bench:nothing", 1, 1, "bench", msgspec.Raw(b"null"))
    name, numbers, served = uuid.uuid4().hex, itertools.count(), 0
    ended: Sequence[claims.Ended] = ()
    while True:
        want = claims.MAX_WANT if most is None or served < most else 0
        grants = driver.run(claims.settle(root, "bench", f"{name}-{next(numbers)}", want=want, ended=ended)).grants
        ended = [
            claims.end(grant.member, grant.token, done, ran=0.001, ending=ending, keep=3_600, keep_failed=3_600)
            for grant in grants
        ]
        served += len(ended)
        if not ended:
            return served


def _entries(root: str, users: Sequence[str], count: int, body: bytes) -> Iterator[tasks.Entry]:
    mint = Mint(root)
    for n in range(count):
        user = users[n % len(users)]
        yield tasks.Entry(user, mint.task_id(user), 3, "", "", body)
