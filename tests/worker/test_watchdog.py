"""The watchdog sleeps until the next deadline, and is not woken for runs that end before theirs."""

from __future__ import annotations

import math
import threading
import time

from fairque.errors import TaskTimeout
from fairque.store.records import Grant
from fairque.worker.holding import Holding
from fairque.worker.slot import Slot
from fairque.worker.watchdog import Watchdog
from tests.waiting import wait_until

GRANT = Grant(b"u|t", b"1", "u", "t", 3, 1, 0, 0, "", 0, 0, 1.0, b"")


class Counted(Watchdog):
    """Counts how often it was rung."""

    rings = 0

    def ring(self) -> None:
        self.rings += 1
        super().ring()


def test_only_a_deadline_sooner_than_all_known_ones_wakes_it() -> None:
    slots: list[Slot] = []
    watchdog = Counted(lambda: slots, lambda slot, holding: None, "w")  # noqa: ARG005 - the shape of it
    slots.append(Slot(watchdog, lambda _: threading.current_thread()))

    def run(timeout: float) -> None:
        slots[0].call(Holding(GRANT, math.inf), lambda: None, time.monotonic() + timeout)

    run(300)
    watchdog.run_once()
    assert watchdog.rings == 1
    for _ in range(1000):
        run(300)
    watchdog.run_once()
    for _ in range(1000):
        run(300)
        run(math.inf)
    assert watchdog.rings == 1
    run(200)
    assert watchdog.rings == 2


def test_it_wakes_at_the_deadline() -> None:
    slots: list[Slot] = []
    watchdog = Watchdog(lambda: slots, lambda slot, holding: None, "w")  # noqa: ARG005 - the shape of it
    slots.append(Slot(watchdog, lambda _: threading.current_thread()))
    watchdog.start()
    began = time.monotonic()
    try:
        slots[0].call(Holding(GRANT, math.inf), _wait, began + 0.2)
    except TaskTimeout:
        assert time.monotonic() - began >= 0.2
    else:
        raise AssertionError("nothing interrupted it")
    finally:
        watchdog.stop()


def _wait() -> None:
    wait_until(lambda: False, description="it is interrupted")
