"""Ways to spoil a sound history, one for each thing that may go wrong."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tests.chaos.evidence import Final
from tests.chaos.hand_made import PID, Story
from tests.chaos.history import Began, Event, Fault, Push, Trouble
from tests.chaos.journal import Capped, Scheduled, Settled
from tests.chaos.scene import NARROW

Spoil = Callable[[Story], None]
WAYS: list[tuple[str, Spoil]] = []
"""What is violated, and how."""


def violates(invariant: str) -> Callable[[Spoil], Spoil]:
    """Enter a way to spoil a history."""

    def enter(way: Spoil) -> Spoil:
        WAYS.append((invariant, way))
        return way

    return enter


def is_push(id: str) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Push) and event.id == id


def is_run(token: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Began) and event.token == token


@violates("I2")
def lose_a_task(story: Story) -> None:
    del story.final["a", "a1"]


@violates("I2")
def leave_one_queued(story: Story) -> None:
    story.final["a", "a1"] = Final("queued")


@violates("I2")
def finish_the_doomed(story: Story) -> None:
    story.final["c", "c0"] = Final("finished")


@violates("I2")
def finish_what_never_ran(story: Story) -> None:
    story.change(is_run(1), lambda _: None)


@violates("I3")
def make_one_twice(story: Story) -> None:
    story.add(lambda step, at: msgspec.structs.replace(story.journal[0], step=step, at=at, key=("a", "again")))


@violates("I3")
def make_what_nobody_pushed(story: Story) -> None:
    story.change(is_push("a1"), lambda _: None)


@violates("I4")
def grant_what_is_held(story: Story) -> None:
    key = story.push("a", "twice")
    story.grant(key)
    story.run(key, "w2")


@violates("I4")
def begin_after_the_lease(story: Story) -> None:
    story.change(is_run(1), lambda run: msgspec.structs.replace(run, at=10_000.0))


@violates("I4")
def run_without_a_lease(story: Story) -> None:
    story.events.append(Began(999, "a", "a0", 1, "w1", PID, 0.0))


@violates("I4")
def run_by_another_worker(story: Story) -> None:
    story.change(is_run(1), lambda run: msgspec.structs.replace(run, worker="w2"))


@violates("I5")
def begin_twice(story: Story) -> None:
    story.events.append(next(event for event in story.events if is_run(1)(event)))


@violates("I5")
def grant_an_attempt_twice(story: Story) -> None:
    story._attempts["a", "odd"] = 1
    story.run(story.push("a", "odd"))


@violates("I5")
def give_an_old_token(story: Story) -> None:
    story._token = 0
    story.grant(story.push("a", "old"))


@violates("I7")
def grant_after_the_end(story: Story) -> None:
    story.run(("a", "a0"))


@violates("I7")
def show_another_end(story: Story) -> None:
    story.final["a", "a0"] = Final("failed", 3)


@violates("I6")
def accept_another_runs_result(story: Story) -> None:
    for n, entry in enumerate(story.journal):
        if isinstance(entry, Settled) and entry.token == 1:
            story.journal[n] = msgspec.structs.replace(entry, result=b'["s-a0",1,1234]')


@violates("I6")
def accept_what_no_run_said(story: Story) -> None:
    key = story.push("a", "silent")
    story.grant(key, begins=False)
    story.settle(key)


@violates("I8")
def lose_without_a_fault(story: Story) -> None:
    story.fault("kill", "w2")
    for _ in range(100):
        story._next()
    key = story.push("a", "lost")
    story.grant(key)
    story.settle(key, "lost")
    story.run(key)


@violates("I8")
def release_what_had_begun(story: Story) -> None:
    key = story.push("a", "begun")
    story.grant(key)
    story.settle(key, "released")
    story.run(key)


@violates("I8")
def retry_without_being_asked(story: Story) -> None:
    key = story.push("a", "content")
    story.grant(key, begins=False)
    story.settle(key, "retried")
    story.events = [event for event in story.events if getattr(event, "how", "") != "retry"]


@violates("I8")
def never_end_a_grant(story: Story) -> None:
    story.grant(story.push("a", "open"))


@violates("I11")
def run_poison_again(story: Story) -> None:
    story.run(("c", "c1"))
    story.final["c", "c1"] = Final("finished", 3)


@violates("I12")
def grant_out_of_order(story: Story) -> None:
    first, second = story.push("a", "first"), story.push("a", "second")
    story.run(second)
    story.run(first)


@violates("I16")
def start_early(story: Story) -> None:
    key = story.push("a", "early")
    story.add(lambda step, at: Scheduled(step, at, key, at + 1000))
    story.run(key)


@violates("I14")
def serve_a_stranger(story: Story) -> None:
    story.scene.workers["w1"] = msgspec.structs.replace(story.scene.workers["w1"], steal=())  # type: ignore[index]
    story.run(story.push("c", "stolen"))


@violates("I15")
def exceed_a_users_cap(story: Story) -> None:
    story.add(lambda step, at: Capped(step, at, "a", 1))
    for key in [story.push("a", "one"), story.push("a", "two")]:
        story.grant(key)


@violates("I15")
def exceed_a_names_cap(story: Story) -> None:
    story.add(lambda step, at: Capped(step, at, f"|{NARROW}", 1))
    for key in [story.push("a", "one", name=NARROW), story.push("b", "two", name=NARROW)]:
        story.grant(key)


@violates("I14")
def steal_while_assigned_wait(story: Story) -> None:
    stolen = story.push("c", "stolen")
    waiting = story.push("a", "waiting")
    story.run(stolen)
    story.run(waiting)


@violates("I13")
def serve_one_user_only(story: Story) -> None:
    of_a = [story.push("a", f"more{n}") for n in range(6)]
    of_b = [story.push("b", f"other{n}") for n in range(6)]
    for key in [*of_a, *of_b]:
        story.run(key)


@violates("I1")
def count_wrong(story: Story) -> None:
    story.totals["finished_total"] += 1


@violates("I22")
def leave_a_lease(story: Story) -> None:
    story.left["leases"] = 1


@violates("trouble")
def log_an_error(story: Story) -> None:
    story.events.append(Trouble("w1", PID, "a round failed"))


@violates("trouble")
def end_a_worker(story: Story) -> None:
    story.events.append(Fault("exit 1", "w1", PID, 20_000.0, 20_000.0))
