"""A queue under a simulated clock, looked at as the doctor does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from fairque.monitoring.diagnosis import of_faults, of_queue, of_slots, of_sums, of_user
from fairque.monitoring.diagnosis_flows import of_flows, of_links, of_members
from fairque.monitoring.findings import Finding
from fairque.store import checkup, checkup_sums
from fairque.store.checkup_links import Members, look_at_flow, look_at_links
from fairque.store.flows import read_flow
from tests.lua.scene import Scene


def inspect(scene: Scene, users: Iterable[str]) -> Iterator[Finding]:
    """Yield all that is off between two scripts, of these users and of the queue."""
    facts = scene.run(checkup.look_at_queue(scene.root, scene.at()))
    assert isinstance(facts, checkup.QueueFacts), facts
    yield from of_queue(facts, workers=False, room=False)
    yield from of_flows(facts, workers=False, room=False)
    for user in users:
        cursor = checkup.BEGIN
        while True:
            found = scene.run(checkup.look_at_user(scene.root, user, cursor, scene.at()))
            yield from of_user(user, found)
            cursor = found.page.cursor
            if cursor == checkup.BEGIN:
                break
        links = scene.run(look_at_links(scene.root, user))
        assert links is not None
        yield from of_links(user, links)
    for table in checkup.TABLES:
        cursor = checkup.BEGIN
        while True:
            page = scene.run(checkup.look_at_page(scene.root, table, cursor))
            yield from of_faults(page.faults)
            cursor = page.cursor
            if cursor == checkup.BEGIN:
                break
    flows: Any = scene.client.hgetall(scene.key("flows"))
    for member, text in flows.items():
        with suppress(ValueError):  # told of the table
            flow = read_flow(member, text)
            yield from of_members(flow, scene.run(look_at_flow(scene.root, flow)) or Members((0, 0), (0, 0)))
    yield from of_sums(scene.run(checkup_sums.add_up(scene.root)))
    slots = scene.run(checkup_sums.count_runs(scene.root))
    assert slots is not None
    yield from of_slots(slots)


def codes(scene: Scene, *users: str) -> set[str]:
    """Return the codes of what is found."""
    return {one.code for one in inspect(scene, users)}
