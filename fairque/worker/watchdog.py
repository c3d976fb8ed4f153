"""The watchdog: one thread that sleeps until the next deadline of a run, whatever it runs on."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence

from fairque.worker.holding import Holding
from fairque.worker.slot import Slot

log = logging.getLogger("fairque.worker")


class Watchdog:
    """Interrupts runs that are over their time, and says which of them did not come back."""

    def __init__(
        self, slots: Callable[[], Sequence[Slot]], abandon: Callable[[Slot, Holding], None], name: str
    ) -> None:
        self._slots = slots
        self._abandon = abandon
        self._rung = threading.Event()
        self._stopping = False
        self.next = math.inf
        self._thread = threading.Thread(target=self._loop, name=f"{name}-watchdog", daemon=True)

    def start(self) -> None:
        """Start watching."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopping = True
        self.ring()
        if self._thread.ident is not None:
            self._thread.join()

    def ring(self) -> None:
        """Look now: a deadline has come that is before the next known one."""
        self._rung.set()

    def run_once(self) -> None:
        """Look at all slots. Whoever begins a run meanwhile rings, for `next` is only known at the end.

        Deadlines of runs that have ended count too: looking once in vain is cheaper than being rung for by every run.
        """
        self.next = math.inf
        self._rung.clear()
        now = time.monotonic()
        for slot in self._slots():
            if slot.deadline <= now and (holding := slot.look(now)):
                self._abandon(slot, holding)
        self.next = min((slot.deadline for slot in self._slots() if slot.deadline > now), default=math.inf)

    def _loop(self) -> None:
        while not self._stopping:
            try:
                self.run_once()
            except Exception:
                log.exception("the watchdog stumbled, will go on")
            self._rung.wait(None if self.next == math.inf else max(0.0, self.next - time.monotonic()))
