"""How far runs have come: reported by workers, read with the task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from fairque.core.outcome import Progress
from fairque.store.call import Argument, Call


class Report(NamedTuple):
    """The progress of one run, which its token proves to be the sender's."""

    member: bytes
    token: bytes
    progress: Progress


def report(root: str, reports: Iterable[Report]) -> Call[list[bool]]:
    """Note how far runs have come; answers for each whether it still had its lease."""
    args: list[Argument] = []
    for member, token, progress in reports:
        args += (member, token, msgspec.json.encode(progress))
    return Call("progress", root, tuple(args), lambda reply: [noted == 1 for noted in reply])
