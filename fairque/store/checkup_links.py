"""Calls that look whether what waits for other tasks will hear of their end, and whether flows count right (I17)."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from fairque.core.ids import encode_id
from fairque.store.call import Call
from fairque.store.checkup import Fault, read_faults
from fairque.store.flows import Flow

MOST_LINKED: Final = 1_000
"""Tasks of a user among which it is looked who waits for whom in one call, and edges: as many as take it 5 ms."""
MOST_MEMBERS: Final = 1_000
"""Tasks of a flow that are counted in one call."""


class Links(NamedTuple):
    """Who waits for whom among a user's tasks, at one instant."""

    parents: int
    """Tasks that others wait for, as counted."""
    lists: int
    """The same as there are."""
    holders: int
    """Tasks that wait for others which they have added."""
    holding: int
    """The same as counted for the whole queue."""
    faults: tuple[Fault, ...]


class Members(NamedTuple):
    """The tasks of a flow that have not ended, and those of them that are deferred: as counted, and by the records."""

    counted: tuple[int, int]
    there: tuple[int, int]


def look_at_links(root: str, user_id: str) -> Call[Links | None]:
    """Look who waits for whom among a user's tasks; None where they are too many for one call."""

    def read(reply: list[Any]) -> Links | None:
        looked, *rest = reply
        if not looked:
            return None
        parents, lists, holders, holding = rest[:4]
        return Links(parents, lists, holders, holding, read_faults(rest[4:]))

    return Call("check_links", root, (encode_id(user_id), MOST_LINKED, MOST_LINKED), read)


def look_at_flow(root: str, flow: Flow) -> Call[Members | None]:
    """Count a flow's tasks; None where it is not there, is being handed in, or is too large for one call."""

    def read(reply: list[Any]) -> Members | None:
        return Members((reply[0], reply[1]), (reply[2], reply[3])) if reply else None

    return Call("check_flow", root, (encode_id(flow.user_id), flow.mark, MOST_MEMBERS), read)
