"""A queue in which there is something of every kind."""

from __future__ import annotations

from typing import Any, Final

from fairque.core.outcome import Progress
from fairque.store import fates, progress, tasks
from fairque.store.flows import Fence, Joint, Member, Part, enqueue
from tests.lua.scene import BURY, DONE, Scene
from tests.lua.timetable import fire, firing, known, planned, write

FAILED: Final = "g00000000000000f"
HOLDING: Final = "g00000000000000a"
STAGED: Final = "g00000000000000b"
NOBODY: Final = Fence()


class Stock(Scene):
    """a: ready, scheduled, failed, finished, one with a unique key, one that is to start soon; b: a suspect runs on w2;
    c: held at its cap, one runs and is to stop; d: paused and held; e: held for its rate; f: one task is set aside.
    A list of users names a. g: two graphs, of which one waits behind what failed and the other is being handed in; and
    one task waits for another that it has added, a third for that one. a has schedules: one is due later, the other is
    paused and was fired before.
    """

    def fill(self) -> None:
        """Push and run all that."""
        self.register(["a", "z"])
        self.fill_timetable()
        self.fill_graphs()
        self.push("b", "b1")
        self.claim(worker="w1")
        self.now += 16_000
        assert self.claim(worker="w2")[0].lost == 1
        self.push("a", "fail", "done")
        failed, done = self.claim(2)
        self.end([failed], BURY)
        self.end([done], DONE)
        self.push("a", "a1", "a2")
        self.push("a", "a6", level=6)
        self.push("a", "later", when="+100000")
        self.push("a", "only", label="m:f #key")
        self.push("a", "soon", when="/50000")
        self.limit_user("c", max_concurrency=1)
        self.limit_user("d", paused=True)
        self.limit_user("e", rate="1/d")
        self.limit_task("m:g", paused=True)
        for user in ("c", "e"):
            self.push(user, "1", "2")
        self.push("d", "1")
        self.push("f", "1", label="m:g")
        self.push("f", "2")
        self.limit_user("a", paused=True)
        self.claim(10, worker="w3")
        self.limit_user("a", mode="reset")
        self.run(tasks.wait(self.root, "c", "1", "waiter", listed=True))
        assert self.run(fates.cancel(self.root, "c", "1", 60, self.name("c"), now=self.at())) == 2
        run: Any = self.client.hget(self.key("runs"), "c|1")
        self.run(progress.report(self.root, [progress.Report(b"c|1", run.partition(b":")[0], Progress(50.0, "half"))]))

    def fill_timetable(self) -> None:
        """Add the schedules of a."""
        planned(self, "hourly", ms=3_600_000)
        fire(self, firing(planned(self, "paused", label="m:ended")))
        fired = known(self, "paused")
        write(self, fired._replace(letter="P", due_ms=None), fired)
        (grant,) = self.claim()
        self.end([grant], DONE)

    def fill_graphs(self) -> None:
        """Hand in the graphs of g."""
        self.weave(FAILED, "whole", "first", "next first", "last next")
        (first,) = self.claim()
        self.end([first], BURY)
        self.weave(HOLDING, "whole", "adds", "after adds", "done", "told adds done")
        for run in self.claim(2):
            if run.task_id == "adds":
                self.weave(HOLDING, "join", "added", when="+1000000", fence=Fence(run.member, run.token, holds=True))
            self.end([run], DONE)
        self.weave(STAGED, "first", "s1", "s2 s1")

    def weave(self, mark: str, mode: str, *tasks_: str, when: str = "", fence: Fence = NOBODY) -> None:
        """Hand in tasks of g, each told with the parents behind its id."""
        names = [text.split() for text in tasks_]
        entries = [tasks.Entry("g", name[0], 3, mark, when, b"m:f|call") for name in names]
        joints = [Joint("w", name[1:], ()) if name[1:] else None for name in names]
        members = [Member("", n, None, "m:f", "w", (), ()) for n in range(len(names))]
        last = [name[0] for name in names] if fence.holds else []
        part = Part(entries, joints, members, (), last)
        self.run(enqueue(self.root, part, mode=mode, mark=mark, run_id=f"r{mark}", fence=fence, now=self.at()))

    def of(self, user: str, what: str) -> str:
        """Return one of a user's keys."""
        return self.key(f"user:{user}:{what}")

    def record(self, user: str, task_id: str) -> bytes:
        """Return a record."""
        found: Any = self.client.hget(self.of(user, "tasks"), task_id)
        return bytes(found)

    def seq(self, task_id: str) -> str:
        """Return the seq of a task of g."""
        return self.record("g", task_id).split(b":")[1].decode()

    def edit(self, user: str, task_id: str, old: bytes, new: bytes) -> None:
        """Change a record."""
        record = self.record(user, task_id)
        assert old in record, record
        self.client.hset(self.of(user, "tasks"), task_id, record.replace(old, new, 1))

    def forget_run(self, member: str) -> None:
        """Let a run never have been."""
        self.client.hdel(self.key("runs"), member)
        self.client.zrem(self.key("leases"), member)
        self.client.hdel(self.key("busy"), member.partition("|")[0])

    def queue_again(self, user: str, task_id: str) -> None:
        """Put a task into its lane that is not there."""
        seq = self.record(user, task_id).split(b":")[1].decode()
        self.client.lpush(self.of(user, "normal:3"), f"{seq}:1:{task_id}")
