"""How a doctor looks: by calls that are counted, and what it notes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from fairque.core.settings import Settings
from fairque.errors import QueueRefusal
from fairque.monitoring.findings import RULES, Finding, finding
from fairque.store import readings
from fairque.store.call import Call, Conversation
from fairque.store.driver import Driver
from fairque.store.tasks import root_of

T = TypeVar("T")
U = TypeVar("U")

CHUNK: Final = 50
"""Calls that are sent at once."""
_PAUSE: Final = 1.0
"""Seconds after which what may pass by itself is looked at again."""


class Rounds:
    """What a doctor does of one queue: it reads, and keeps what it found."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.queue.name
        self._root = root_of(settings.queue.prefix, self._name)
        self._driver = Driver(settings.redis)
        self._calls = 0
        self._findings: dict[tuple[str, str], Finding] = {}
        self._skipped: list[str] = []

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def _skip(self, what: str, why: str) -> None:
        """Note what was not looked at."""
        text = f"{what}: {why}"
        if text not in self._skipped:
            self._skipped.append(text)

    def _note(self, findings: Iterable[Finding]) -> None:
        for one in findings:
            self._findings.setdefault((one.code, one.subject), one)

    def _note_steady(self, judge: Callable[[], Iterable[Finding]]) -> None:
        """Note what is found, and of what may pass by itself only that which is found again a little later."""
        found = list(judge())
        if any(RULES[one.code].fleeting for one in found):
            time.sleep(_PAUSE)
            later = {(one.code, one.subject) for one in judge()}
            found = [one for one in found if not RULES[one.code].fleeting or (one.code, one.subject) in later]
        self._note(found)

    def _table(self, name: str) -> dict[bytes, bytes]:
        return self._converse(readings.table(self._root, name))

    def _run_each(
        self, items: Sequence[U], call_of: Callable[[U], Call[T]], user_of: Callable[[U], str]
    ) -> list[T | None]:
        """Make a call for each; None and a finding about its user where one cannot be looked at."""
        chunks = (items[at : at + CHUNK] for at in range(0, len(items), CHUNK))
        return [answer for chunk in chunks for answer in self._run_some(chunk, call_of, user_of)]

    def _run_some(
        self, items: Sequence[U], call_of: Callable[[U], Call[T]], user_of: Callable[[U], str]
    ) -> Sequence[T | None]:
        answers: list[T] = []
        try:
            self._calls += len(items)
            self._driver.run_all(map(call_of, items), answers)
        except QueueRefusal as refused:
            if len(items) > 1:
                return [answer for item in items for answer in self._run_some([item], call_of, user_of)]
            said = " ".join(str(refused).split())[:200]
            self._note([finding("I1.unreadable", f"user {user_of(items[0])}", f"cannot be looked at: {said}")])
            return [None]
        return answers

    def _run(self, call: Call[T]) -> T:
        self._calls += 1
        return self._driver.run(call)

    def _converse(self, steps: Conversation[T]) -> T:
        def counted() -> Conversation[T]:
            answer = None
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration as done:
                    outcome: T = done.value
                    return outcome
                self._calls += 1
                answer = yield step

        return self._driver.converse(counted())
