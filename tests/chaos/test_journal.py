"""The journal tells what happened, out of what Redis wrote down, and over a SIGKILL of Redis."""

from __future__ import annotations

from pathlib import Path

from fairque import TaskQueue
from tests.chaos.ending import read_final, read_left
from tests.chaos.evidence import Final
from tests.chaos.jobs import narrow, quick
from tests.chaos.journal import Accepted, Capped, Granted, Readied, Scheduled, Settled, read_journal
from tests.chaos.scene import NARROW, Lists, Scene
from tests.chaos.server import Server, running_server
from tests.waiting import wait_until

SCENE = Scene(users={}, workers={"w1": Lists(("*",))}, caps={}, lease=1.0, slots=1)


def play(server: Server, queue: TaskQueue) -> None:
    queue.set_limits(task=NARROW, max_concurrency=2)
    queue.push(quick("s1"), user_id="user:1")
    finished = queue.pop()
    assert finished is not None
    queue.finish(finished, "done")
    assert server.kill()
    server.restart()
    queue.push(quick("s2").with_(max_retries=0, priority=5), user_id="user:1")
    failed = queue.pop()
    assert failed is not None
    queue.fail(failed, "no")
    queue.push(narrow("s3", 0).with_(delay=0.05), user_id="user|2")
    wait_until(lambda: queue.pop() is not None, description="it is due")  # and never heard of again: it is lost
    wait_until(lambda: (again := queue.pop()) is not None and again.lost == 1, description="it was lost", timeout=20)
    queue.set_limits(task=NARROW, max_concurrency=None)


def test_the_journal_tells_each_tasks_life_and_the_end_what_became_of_it(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, TaskQueue(SCENE.config(server.url)) as queue:
        play(server, queue)
        server.save_journal()
        final, left = read_final(server.client, SCENE.root), read_left(server.client, SCENE.root)
    entries = read_journal(server.journal, SCENE.root)

    told = [(type(entry), getattr(entry, "how", "")) for entry in entries]
    assert told == [
        (Capped, ""),
        (Accepted, ""),
        (Granted, ""),
        (Settled, "finished"),
        (Accepted, ""),
        (Granted, ""),
        (Settled, "failed"),
        (Accepted, ""),
        (Scheduled, ""),
        (Readied, ""),
        (Granted, ""),
        (Settled, "lost"),
        (Granted, ""),
        (Capped, ""),
    ]
    accepted = [entry for entry in entries if isinstance(entry, Accepted)]
    granted = [entry for entry in entries if isinstance(entry, Granted)]
    settled = [entry for entry in entries if isinstance(entry, Settled)]
    assert [(task.serial, task.key[0], task.level, task.name, task.ready) for task in accepted] == [
        ("s1", "user:1", 3, quick.name, True),
        ("s2", "user:1", 5, quick.name, True),
        ("s3", "user|2", 3, narrow.name, False),
    ]
    assert [(grant.token, grant.attempt, grant.lost) for grant in granted] == [
        (1, 1, 0),
        (2, 1, 0),
        (3, 1, 0),
        (4, 2, 1),
    ]
    assert [end.token for end in settled] == [1, 2, 3]
    assert settled[0].result == b'"done"'
    assert [entry.most for entry in entries if isinstance(entry, Capped)] == [2, None]
    assert sorted(entry.step for entry in entries) == [entry.step for entry in entries]
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert [final[task.key] for task in accepted] == [Final("finished"), Final("failed"), Final("started", 1)]
    assert {name: size for name, size in left.items() if size} == {"runs": 1, "leases": 1, "busy": 2, "suspects": 1}
