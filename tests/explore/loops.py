"""What must change nothing, in whatever state the queue is: calls that are sent again, and writes with old tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from fairque.core.outcome import Progress
from fairque.store import claims, progress, xcom
from tests.explore.actions import settle
from tests.explore.judges import WAYS
from tests.explore.node import Node
from tests.explore.wire import Answer, AnyCall
from tests.lua.model import Name
from tests.lua.scene import LEASE
from tests.lua.shelf import Contents

STRANGER: Final = "stranger"


class Loop(NamedTuple):
    """Calls (None: only look) that lead back to where they came from, and what their answer must be."""

    label: str
    calls: Sequence[AnyCall | None]
    judge: Callable[[Answer], None]


def stale(node: Node, root: str) -> Iterator[Loop]:
    """I6, I7: every way to end a run that is over, its renewal, its progress, its values."""
    if node.spent:
        old = list(node.spent.values())
        ends = [(grant, outcome) for grant in old for outcome, _ in WAYS.values()]
        leases = [(grant.member, grant.token) for grant in old]
        calls = (
            settle(node, root, STRANGER),
            settle(node, root, STRANGER, ends),
            claims.renew(root, leases, LEASE, str(node.now)),
            progress.report(root, [progress.Report(*lease, Progress(50, "")) for lease in leases]),
            *(xcom.push(root, grant, "late", b"1", 60, "run", str(node.now)) for grant in old),
        )
        yield Loop("old tokens", calls, partial(_refused, ends=len(ends), leases=len(leases)))


def _refused(answer: Answer, *, ends: int, leases: int) -> None:
    _, settled, kept, noted, *left = answer.replies
    assert settled.stale == list(range(ends)), f"stale are {settled.stale} of {ends}"
    assert kept == noted == left == [False] * leases
    idle, *after = (_standing(found) for found in answer.found)
    assert [idle] * len(after) == after, "an old token has changed something"


def sent_again(node: Node, root: str) -> Iterator[Loop]:  # noqa: ARG001 - the shape of a loop
    """I3: the last request of each client, however late."""
    for request in node.last.values():
        judge = partial(_same, node=node, first=request.answer)
        yield Loop(f"'{request.what}' once more", (None, request.call), judge)


def _same(answer: Answer, *, node: Node, first: Any) -> None:
    reply = answer.replies[1]
    if isinstance(first, claims.Settled):
        assert reply.stale == first.stale
        still = [grant for grant in first.grants if node.model.holds(Name(grant.user_id, grant.task_id), grant.token)]
        assert reply.grants == still, f"answered {reply.grants} where {still} are held"
    else:
        assert reply == first
    before, after = (_standing(found) for found in answer.found)
    assert before == after, "a request that was sent again has changed something"


def _standing(contents: Contents) -> Contents:
    """Return all but the clock, and what is remembered of the stranger's last answer."""
    kept = {key: value for key, value in contents.items() if not key.endswith(f":last:{STRANGER}".encode())}
    for key, value in kept.items():
        if key.endswith(b":queue:stats") and isinstance(value, dict):
            kept[key] = {name: number for name, number in value.items() if name != b"now"}
    return kept


LOOPS: Final = (stale, sent_again)
