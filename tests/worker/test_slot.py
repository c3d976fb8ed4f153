"""A slot lets a run be interrupted while it runs, and never the next one."""

from __future__ import annotations

import contextlib
import itertools
import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fairque.errors import TaskStopped, TaskTimeout
from fairque.store.records import Grant
from fairque.worker import slot as slots
from fairque.worker.holding import Holding, Verdict
from fairque.worker.slot import Abandoned, Slot
from tests.waiting import wait_until
from tests.worker.stage import PATIENCE, Gate

GRANT = Grant(b"u|t", b"1", "u", "t", 3, 1, 0, 0, "", 0, 0, 1.0, b"")


class Rung:
    """Notes that it was rung; it will look by itself at `next`."""

    def __init__(self, next: float = math.inf) -> None:
        self.next = next
        self.rung = 0

    def ring(self) -> None:
        self.rung += 1


def here(watch: Rung | None = None) -> Slot:
    """Return a slot whose thread is this one."""
    return Slot(watch or Rung(), lambda _: threading.current_thread())


class Run:
    """One run in a slot with a thread of its own, which the test interrupts. It is told to go on step by step."""

    def __init__(self, holding: Holding, work: Callable[[], Any], interrupt: Callable[[], None] | None = None) -> None:
        self._holding, self._work, self._interrupt = holding, work, interrupt
        self.slot = Slot(Rung(), lambda _: threading.Thread(target=self._serve, daemon=True))
        self.ended: Any = None
        self.slot.thread.start()
        wait_until(lambda: self.slot.holding is holding, description="it runs")

    def _serve(self) -> None:
        try:
            self.ended = self.slot.call(self._holding, self._work, 100.0, self._interrupt)
        except BaseException as error:
            self.ended = error

    def join(self) -> Any:
        """Return how it ended: what it returned, or what it raised."""
        self.slot.thread.join(20.0)
        assert not self.slot.thread.is_alive()
        return self.ended


def held() -> Holding:
    return Holding(GRANT, math.inf)


def busy(seconds: float) -> None:
    """Run Python for a while, so that what has been raised in this thread arrives."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def until_raised() -> None:
    busy(20.0)


@pytest.fixture
def hasty() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("seconds", [0.0, 1e-6, 1e-5])
@pytest.mark.parametrize("often", [False, True], ids=["once", "again and again"])
def test_an_interrupt_never_reaches_the_next_run_or_what_is_between(
    monkeypatch: pytest.MonkeyPatch, seconds: float, *, often: bool
) -> None:
    monkeypatch.setattr(slots, "GRACE", (0.0,) * 1_000_000)
    slot, over = here(), threading.Event()
    current = [held()]
    struck = escaped = 0

    def strike() -> None:
        while not over.is_set():
            slot.look(1.0) if often else slot.stop(current[0])

    striker = threading.Thread(target=strike)
    striker.start()
    try:
        end = time.monotonic() + PATIENCE
        for round_ in itertools.count():
            if (round_ >= 10_000 and struck) or time.monotonic() > end:
                break
            try:
                current[0] = holding = held()
                try:
                    slot.call(holding, lambda: busy(seconds), 0.0)
                except (TaskStopped, TaskTimeout):
                    struck += 1
                busy(1e-6)
            except (TaskStopped, TaskTimeout):
                escaped += 1
    finally:
        over.set()
        striker.join()
    assert escaped == 0
    assert struck > 0, "nothing was interrupted: the test has tested nothing"


def test_the_interrupt_of_an_earlier_run_does_nothing() -> None:
    earlier, gate = held(), Gate()
    run = Run(held(), lambda: gate.enter("run"))
    run.slot.stop(earlier)
    gate.open()
    assert run.join() is None


def test_a_run_is_stopped_once_however_often_that_is_asked_for() -> None:
    holding, gate = held(), Gate()

    def work() -> str:
        try:
            until_raised()
        except TaskStopped:
            gate.enter("cleaning up")
            return "cleaned up"
        return "not interrupted"

    run = Run(holding, work)
    run.slot.stop(holding)
    gate.wait_for(1)
    run.slot.stop(holding)
    gate.open()
    assert run.join() == "cleaned up"


def test_a_run_over_its_time_is_interrupted_twice_then_abandoned() -> None:
    holding, gate = held(), Gate()

    def work() -> str:
        for chance in range(2):
            with pytest.raises(TaskTimeout):
                until_raised()
            gate.came.append(chance)
        gate.enter("late")
        return "too late"

    run, (first, second) = Run(holding, work), slots.GRACE
    assert run.slot.look(99.9) is None
    assert holding.verdict is None
    assert run.slot.look(100.0) is None
    assert holding.verdict is Verdict.TIMED_OUT
    gate.wait_for(1)
    assert run.slot.look(99.9 + first) is None
    assert len(gate.came) == 1
    assert run.slot.look(100.0 + first) is None
    gate.wait_for(3)
    assert run.slot.look(99.9 + first + second) is None
    assert run.slot.look(100.0 + first + second) is holding
    assert run.slot.look(1000.0) is None
    gate.open()
    assert isinstance(run.join(), Abandoned)


def test_what_was_raised_where_python_drops_it_is_raised_again() -> None:
    holding, gate = held(), Gate()

    def work() -> None:
        with contextlib.suppress(TaskTimeout):
            until_raised()
        gate.came.append("dropped")
        until_raised()

    run = Run(holding, work)
    run.slot.look(100.0)
    gate.wait_for(1)
    run.slot.look(100.0 + slots.GRACE[0])
    assert isinstance(run.join(), TaskTimeout)


def test_what_is_canceled_may_return_all_the_same_and_is_held_to_its_timeout() -> None:
    holding, gate = held(), Gate()
    holding.condemn(Verdict.CANCELED)

    def work() -> str:
        for error in (TaskStopped, TaskTimeout):
            with pytest.raises(error):
                until_raised()
            gate.came.append(error)
        return "returned"

    run = Run(holding, work)
    run.slot.stop(holding)
    gate.wait_for(1)
    assert run.slot.look(99.9) is None
    assert run.slot.look(100.0) is None
    assert (run.join(), holding.verdict) == ("returned", Verdict.CANCELED)


def test_what_is_given_back_is_interrupted_by_its_own_means_only() -> None:
    for means in (None, Gate()):
        holding, gate = held(), Gate()
        holding.condemn(Verdict.GIVEN_BACK)
        run = Run(holding, lambda: gate.enter("run"), means.open if means else None)  # noqa: B023
        run.slot.stop(holding)
        if means:
            means.enter("stopped")
        gate.open()
        assert run.join() is None


def test_whoever_watches_is_rung_for_a_deadline_that_is_sooner_than_it_knows() -> None:
    watch = Rung(next=50.0)
    slot = here(watch)
    slot.call(held(), lambda: None, 50.0)
    assert watch.rung == 0
    slot.call(held(), lambda: None, 49.9)
    assert watch.rung == 1
