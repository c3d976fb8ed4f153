"""Calls about graphs of tasks, which scripts call flows: handing one in, and reading what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from fairque.core.ids import decode_id, encode_id
from fairque.store.call import Argument, Call, Conversation
from fairque.store.records import Record, read_record
from fairque.store.tasks import WAKE_LIMIT, Accepted, Entry, read_accepted

CHUNK: Final = 150
"""Tasks of a graph that one call takes: as many stay under 5 ms (I20)."""
EDGES: Final = 300
"""Edges that one call takes, about."""
READ: Final = 250
"""Tasks that are asked for at once; a page may have fewer where their records are large."""


class Fence(NamedTuple):
    """The run of a task that adds others: they are accepted only while it holds its lease (I6)."""

    member: bytes | str = ""
    token: bytes | str = ""
    holds: bool = False
    """Whether what waits for that task waits for the last of the added ones, too."""


class Joint(NamedTuple):
    """What a task waits for: parents in its own graph, and others that are known already; `later`: how many edges
    follow in calls of their own.
    """

    policy: str
    inside: Sequence[str]
    outside: Sequence[str]
    later: int = 0


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A task as its flow has it. Members that were handed in together have one `batch`; `place` is where it was written
    there, and `inside` has the places of its parents.
    """

    batch: str
    place: int
    written_id: str | None
    name: str
    policy: str
    inside: tuple[int, ...]
    outside: tuple[str, ...]
    hook: bool = False
    by: str | None = None
    """The task that added it while it ran."""


class Flow(NamedTuple):
    """What a queue knows of a flow (its shape: lib/flow.lua), with ids and members in the order of handing in."""

    mark: str
    staged: bool
    created_ms: int
    tasks: int
    deferred: int
    finished: int
    failed: int
    canceled: int
    run_id: str
    user_id: str
    members: tuple[tuple[str, Member], ...] = ()


class Part(NamedTuple):
    """Some tasks of a graph: entries, what each waits for, how the flow describes each, and the keys of results."""

    entries: Sequence[Entry]
    joints: Sequence[Joint | None]
    members: Sequence[Member] = ()
    keys: Sequence[tuple[str, str]] = ()
    last: Sequence[str] = ()
    """Ids of those that no other task of the graph waits for."""


def enqueue(
    root: str,
    part: Part,
    *,
    mode: str,
    mark: str = "",
    run_id: str = "",
    beyond: int = 0,
    fence: Fence = Fence(),  # noqa: B008 - a frozen value
    now: str = "",
) -> Call[list[Accepted]]:
    """Accept a part of a graph, or (mode `push`) tasks that wait for others; all or none. The modes: enqueue.lua.

    `beyond` says how many tasks of the graph other calls bring. Answers nothing for a check, or where an earlier copy
    of this call was accepted.
    """
    lines = "\n".join(
        f"{encode_id(entry.task_id)}|{msgspec.json.encode(member).decode()}"
        for entry, member in zip(part.entries, part.members, strict=False)
    )
    keys = "|".join(f"{encode_id(key)}|{encode_id(task_id)}" for key, task_id in part.keys)
    holders = "|".join(encode_id(task_id) for task_id in part.last) if fence.holds else ""
    fenced = (fence.member, fence.token, holders)
    args: list[Argument] = [now, WAKE_LIMIT, mode, *fenced, mark, encode_id(run_id), beyond, lines, keys]
    for entry, joint in zip(part.entries, part.joints, strict=True):
        tied = entry if joint is None else replace(entry, when=f"{entry.when};{joint_text(joint)}")
        args += tied.arguments()

    def read(reply: list[Any]) -> list[Accepted]:
        return [read_accepted(entry, made) for entry, made in zip(part.entries, reply or (), strict=False)]

    return Call("enqueue", root, tuple(args), read)


def joint_text(joint: Joint) -> str:
    """Return what a task waits for as scripts read it (lib/link.lua)."""
    parents = [f"|.{encode_id(parent)}" for parent in joint.inside]
    parents += [f"|={encode_id(parent)}" for parent in joint.outside]
    return f"{joint.policy}{joint.later}{''.join(parents)}"


def link(
    root: str, request: str, user_id: str, mark: str, edges: Iterable[tuple[str, str, str]], now: str = ""
) -> Call[bool]:
    """Add edges (child, policy, parent) to a flow that is being handed in. `request` names this call."""
    flat = [text for child, policy, parent in edges for text in (encode_id(child), policy, encode_id(parent))]
    return Call("link", root, (now, request, encode_id(user_id), mark, *flat), bool)


def launch(root: str, user_id: str, mark: str, tasks: int, now: str = "") -> Call[bool]:
    """Let a flow begin whose last part has been handed in."""
    return Call("launch", root, (now, WAKE_LIMIT, encode_id(user_id), mark, tasks), bool)


def abandon(root: str, user_id: str, mark: str, now: str = "") -> Call[bool]:
    """Drop a part of a flow that was never launched; answers whether there may be more of it."""
    return Call("abandon", root, (now, encode_id(user_id), mark), bool)


def wait(root: str, user_id: str, mark: str, waiter: str, *, listed: bool) -> Call[bool]:
    """List a waiter for the flow's end, or take it off; answers False where it has ended already, or is stuck."""
    return Call("wait", root, (encode_id(user_id), f"|{mark}", waiter, int(listed)), bool)


def read(root: str, user_id: str, name: str, *, members: bool = True) -> Conversation[Flow | None]:
    """Read a flow by its mark or its run id; without its `members` in one call."""
    found: Flow | None = None
    first = 0
    while True:
        reply = yield Call("flow", root, (encode_id(user_id), encode_id(name), first), list)
        if not reply:
            return found
        mark, text, *parts = reply
        if found is None:
            found = read_flow(encode_id(user_id).encode() + b"|" + mark, text)
        if not members:
            return found
        found = found._replace(members=(*found.members, *_members(parts)))
        first += len(parts)
        if len(parts) < 10:
            return found


def _members(parts: Iterable[bytes]) -> Iterator[tuple[str, Member]]:
    for part in parts:
        for line in part.splitlines():
            task_id, _, text = line.partition(b"|")
            yield decode_id(task_id.decode()), msgspec.json.decode(text, type=Member)


def read_flow(member: bytes, text: bytes) -> Flow:
    """Return what a field of `flows` says."""
    user, _, mark = member.decode().partition("|")
    state, created, *numbers, _till, run_id = text.decode().split(":", 8)
    tasks, deferred, finished, failed, canceled = map(int, numbers)
    counts = (tasks, deferred, finished, failed, canceled)
    return Flow(mark, state == "s", int(created), *counts, decode_id(run_id), decode_id(user))


def read_many(root: str, user_id: str, task_ids: Sequence[str]) -> Conversation[list[Record | None]]:
    """Read tasks of a user, None for those that are not known."""
    return (yield from _read(root, user_id, task_ids, "records"))


def read_heads(root: str, user_id: str, task_ids: Sequence[str]) -> Conversation[list[Record | None]]:
    """As `read_many`, but of each body only the label: what it takes to know their states."""
    return (yield from _read(root, user_id, task_ids, "heads"))


def _read(root: str, user_id: str, task_ids: Sequence[str], what: str) -> Conversation[list[Record | None]]:
    user, found = encode_id(user_id), list[Record | None]()
    while len(found) < len(task_ids):
        ids = task_ids[len(found) : len(found) + READ]
        flat = iter((yield Call("tasks", root, (user, what, *map(encode_id, ids)), list)))
        for task_id, (text, run, progress) in zip(ids, zip(flat, flat, flat, strict=True), strict=False):
            found.append(read_record(user.encode(), task_id, text, run, progress) if text else None)
    return found
