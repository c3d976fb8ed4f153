"""From facts to findings: tasks that wait for others, and graphs of them (I17). Pure; nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from fairque.core.ids import decode_id
from fairque.monitoring.findings import Finding, finding
from fairque.store.checkup import QueueFacts
from fairque.store.checkup_links import Links, Members
from fairque.store.flows import Flow

FORGOTTEN: Final = 600.0
"""Seconds after which what is known of a flow should be gone that is to be forgotten."""
_NAMED: Final = 5
"""Stuck runs that are named."""
_FAULTS: Final = {
    "unreleased": ("I17.edges", "it waits for more tasks than will tell it that they have ended: it would never start"),
    "early": ("I17.edges", "more tasks will tell it that they have ended than it waits for: it would start too early"),
    "taskless": ("I17.taskless", "it is said to wait for others, but is not there"),
}


def of_links(user_id: str, links: Links) -> Iterator[Finding]:
    """Yield what is wrong with who waits for whom among a user's tasks."""
    subject = f"user {user_id}"
    if links.parents != links.lists:
        said = f"{links.parents:,} tasks are counted that others wait for, there are {links.lists:,}"
        yield finding("I17.parents", subject, said)
    if links.holders > links.holding:
        said = f"{links.holders:,} tasks are to end with others that they have added, {links.holding:,} are counted"
        yield finding("I17.holding", subject, said)
    for kind, task in links.faults:
        code, text = _FAULTS[kind]
        yield finding(code, f"task {decode_id(task)} of {user_id}", text)


def of_members(flow: Flow, members: Members) -> Iterator[Finding]:
    """Yield whether a flow counts its tasks wrong."""
    if members.counted != members.there:
        (living, deferred), (found, waiting) = members
        said = f"{living:,} of its tasks are counted as not ended ({deferred:,} deferred), by the records "
        yield finding("I17.flow-count", _named(flow), f"{said}{found:,} are ({waiting:,})")


def of_stuck(flows: Iterable[Flow]) -> Iterator[Finding]:
    """Yield which runs wait for somebody to decide."""
    stuck = [_named(flow) for flow in flows if _is_stuck(flow)]
    if stuck:
        more = f" and {len(stuck) - _NAMED:,} more" if len(stuck) > _NAMED else ""
        text = "the rest of a graph waits for tasks that failed or were canceled: "
        yield finding("flows.stuck", "queue", f"{text}{', '.join(stuck[:_NAMED])}{more}")


def _is_stuck(flow: Flow) -> bool:
    lost = flow.failed + flow.canceled
    return not flow.staged and lost > 0 and flow.deferred > 0 and flow.deferred + flow.finished + lost >= flow.tasks


def _named(flow: Flow) -> str:
    return f"run {flow.run_id} of {flow.user_id}"


def of_flows(facts: QueueFacts, *, workers: bool, room: bool) -> Iterator[Finding]:
    """Yield what is wrong with the flows as a whole. workers: is any up; room: has any of them a free slot."""
    if facts.flows != facts.flows_counted:
        yield finding("I17.flows", "queue", f"{facts.flows:,} runs are kept, {facts.flows_counted:,} are counted")
    if facts.releases != facts.releasing:
        said = f"{facts.releases:,} ended tasks have children that are to be told yet, {facts.releasing:,} are counted"
        yield finding("I17.releasing", "queue", said)
    if room and facts.first_release:
        left, _, member = facts.first_release.decode(errors="replace")[2:].partition(":")
        user, _, task = member.partition("|")
        subject = f"task {decode_id(task)} of {decode_id(user)}{f' ({left} left)' if left else ''}"
        text = "those that wait for it are not told that it has ended, and workers are up with slots free"
        yield finding("I17.release", subject, text)
    forgotten = 0.0 if facts.first_flow is None else (facts.now - facts.first_flow) / 1000
    if workers and forgotten > FORGOTTEN:
        text = f"a run that was to be forgotten {forgotten / 60:,.0f} min ago is still kept"
        yield finding("I22.flows", "queue", text)
