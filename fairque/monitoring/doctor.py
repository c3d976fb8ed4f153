"""The doctor: looks whether what a queue keeps agrees, in small calls, while the queue is at work."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from fairque.core.ids import check_user_id, decode_id
from fairque.core.settings import Settings
from fairque.errors import QueueRefusal
from fairque.monitoring.diagnosis import knows_layout, of_faults, of_queue, of_slots, of_sums, of_user
from fairque.monitoring.diagnosis_outside import have_room, of_lists, of_server, of_twins, of_workers, up
from fairque.monitoring.doctor_report import Report, told
from fairque.monitoring.findings import RULES, Finding, finding
from fairque.monitoring.twins import find_twins
from fairque.store import checkup, readings
from fairque.store.call import Call, Conversation
from fairque.store.checkup import BEGIN, QueueFacts, UserFacts
from fairque.store.driver import Driver
from fairque.store.server import look_at_server
from fairque.store.tasks import root_of

T = TypeVar("T")
Progress = Callable[[int, int], None]
"""Told how many of how many task records have been looked at; both grow."""

SECONDS: Final = 10.0
"""For how long task records are read beyond the first of each user, unless another number is given."""
_Place = tuple[str, bytes]
"""A user, and the cursor of its records."""
_CHUNK: Final = 50
_PAUSE: Final = 1.0
"""Seconds after which what may pass by itself is looked at again."""


class Doctor:
    """Looks at one queue. It only reads, and needs no worker."""

    def __init__(
        self, settings: Settings, *, seconds: float = SECONDS, progress: Progress = lambda _done, _all: None
    ) -> None:
        self._name = settings.queue.name
        self._root = root_of(settings.queue.prefix, self._name)
        self._driver = Driver(settings.redis)
        self._may_evict = settings.redis.allow_eviction
        self._seconds, self._progress = seconds, progress
        self._calls = self._seen = self._kept = 0
        self._findings: dict[tuple[str, str], Finding] = {}
        self._skipped: list[str] = []
        self._ready: dict[str, frozenset[str]] = {}

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()

    def examine(self) -> Report:
        """Look at everything.

        Raises:
            RedisUnavailable: Redis could not be reached.
        """
        server = self._run(look_at_server(self._root, "server", "memory", "replication", "persistence"))
        self._note(of_server(server, here=time.time(), may_evict=self._may_evict))
        facts = self._facts()
        if facts is None:
            return self._report(0, None, [])
        users = self._users()
        self._look_at_users(users)
        for table in checkup.TABLES:
            self._note(of_faults(self._converse(checkup.pages(self._root, table))))
        names = self._add_up()
        self._note_steady(lambda: self._outside(names))
        workers = up(self._workers(), facts)
        self._note(of_twins(find_twins(lambda: self._table("workers")) if workers else ()))
        return self._report(len(users), facts, workers)

    def examine_user(self, user_id: str) -> Report:
        """Look at one user and all its records. Raises as `examine`."""
        self._seconds = math.inf
        facts = self._facts()
        if facts is None:
            return self._report(0, None, [])
        self._look_at_users([check_user_id(user_id)])
        return self._report(1, facts, [])

    # --- users ------------------------------------------------------------------------------------------------------

    def _users(self) -> list[str]:
        """Return every user that has a record, or is named where only users with tasks are."""
        indexed = self._table("who").values()
        found = dict.fromkeys(user for users in indexed for user in users.split(b"|"))
        for table in ("counts", "busy", "ring", "held"):
            found |= dict.fromkeys(user for user in self._table(table) if not user.startswith(b"|"))
        return [decode_id(user.decode(errors="replace")) for user in found if user]

    def _look_at_users(self, users: list[str]) -> None:
        """Look at each user with its first records, then in turn at further ones for as long as is given."""
        further: deque[_Place] = deque()
        doubtful: list[_Place] = []
        for at in range(0, len(users), _CHUNK):
            further += self._look_at([(user, BEGIN) for user in users[at : at + _CHUNK]], doubtful)
        end = time.monotonic() + self._seconds
        while further and time.monotonic() < end:
            further += self._look_at([further.popleft()], doubtful)
        self._note_steady(lambda: self._of_users(doubtful))

    def _look_at(self, places: list[_Place], doubtful: list[_Place]) -> list[_Place]:
        """Look at some users; return where there is more to look at, and add to `doubtful` what may pass by itself."""
        further = []
        for (user, cursor), facts in zip(places, self._user_facts(places), strict=True):
            if facts is None:
                continue
            found = list(of_user(user, facts))
            self._note(one for one in found if not RULES[one.code].fleeting)
            if any(RULES[one.code].fleeting for one in found):
                doubtful.append((user, cursor))
            if facts.page.cursor != BEGIN:
                further.append((user, facts.page.cursor))
            if facts.ready:
                self._ready[user] = facts.lists
            self._kept += facts.records if cursor == BEGIN else 0
            self._seen += facts.page.seen
        self._progress(self._seen, max(self._kept, self._seen))
        return further

    def _of_users(self, places: list[_Place]) -> Iterator[Finding]:
        for at in range(0, len(places), _CHUNK):
            chunk = places[at : at + _CHUNK]
            for (user, _), facts in zip(chunk, self._user_facts(chunk), strict=True):
                yield from of_user(user, facts) if facts else ()

    def _user_facts(self, places: list[_Place]) -> Iterable[UserFacts | None]:
        """Look at several users, from a cursor on each; None and a finding where one cannot be looked at."""
        answers: list[UserFacts] = []
        try:
            self._calls += len(places)
            self._driver.run_all((checkup.look_at_user(self._root, *place) for place in places), answers)
        except QueueRefusal as refused:
            if len(places) == 1:
                said = " ".join(str(refused).split())[:200]
                self._note([finding("I1.unreadable", f"user {places[0][0]}", f"cannot be looked at: {said}")])
                return [None]
            return [facts for place in places for facts in self._user_facts([place])]
        return answers

    # --- the queue and its workers ----------------------------------------------------------------------------------

    def _facts(self) -> QueueFacts | None:
        """Look at the queue as a whole; None and a finding where nothing else can be looked at."""
        facts = self._run(checkup.look_at_queue(self._root))
        if not isinstance(facts, QueueFacts):
            text = f"these keys are not of the kind they should be, so nothing else was looked at: {', '.join(facts)}"
            self._note([finding("I19.key-type", "queue", text)])
            return None
        unknown = knows_layout(facts)
        if unknown:
            self._note([unknown])
        return None if unknown else facts

    def _add_up(self) -> dict[str, int]:
        """Compare sums; return how many tasks of each name wait."""
        sums, slots = self._run(checkup.add_up(self._root)), self._run(checkup.count_runs(self._root))
        self._note((*of_sums(sums), *of_slots(slots or ())))
        if sums.of_users is None:
            self._skipped.append(f"whether totals are sums: more than {checkup.MOST_SUBJECTS:,} users and task names")
        if slots is None:
            self._skipped.append(f"whether each user's runs are as counted: more than {checkup.MOST_RUNS:,} runs")
        return sums.names

    def _outside(self, names: dict[str, int]) -> Iterator[Finding]:
        facts, workers = self._facts(), self._workers()
        if facts is None:
            return
        alive = up(workers, facts)
        yield from of_queue(facts, workers=bool(alive), room=have_room(alive))
        yield from of_workers(workers, facts, self._ready, names)
        yield from of_lists(alive, {name.decode() for name in self._table("scopes")})

    def _workers(self) -> list[dict[str, Any]]:
        return self._converse(readings.workers(self._root))

    # --- how it is done ---------------------------------------------------------------------------------------------

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

    def _report(self, users: int, facts: QueueFacts | None, workers: list[Any]) -> Report:
        return Report(
            queue=self._name,
            keys=f"{self._root}:queue:",
            users=users,
            tasks=facts.queued + facts.leases + facts.scheduled if facts else 0,
            records=self._seen,
            kept=self._kept,
            workers=len(workers),
            calls=self._calls,
            skipped=tuple(self._skipped),
            **told(self._findings.values()),
        )
