"""The doctor: looks whether what a queue keeps agrees, in small calls, while the queue is at work."""

from __future__ import annotations

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from fairque.core.ids import check_user_id, decode_id
from fairque.core.settings import Settings
from fairque.errors import StoredDataError
from fairque.monitoring.diagnosis import knows_layout, of_faults, of_queue, of_slots, of_sums, of_user
from fairque.monitoring.diagnosis_flows import of_flows, of_links, of_members, of_stuck
from fairque.monitoring.diagnosis_outside import have_room, of_lists, of_server, of_twins, of_workers, up
from fairque.monitoring.diagnosis_schedules import of_schedules
from fairque.monitoring.doctor_report import Report, told
from fairque.monitoring.doctor_rounds import CHUNK, Rounds
from fairque.monitoring.findings import RULES, Finding, finding
from fairque.monitoring.twins import find_twins
from fairque.store import checkup, checkup_sums, readings
from fairque.store.call import READING
from fairque.store.checkup import BEGIN, QueueFacts, UserFacts
from fairque.store.checkup_links import MOST_LINKED, MOST_MEMBERS, look_at_flow, look_at_links
from fairque.store.flows import Flow, read_flow
from fairque.store.server import look_at_server

Progress = Callable[[int, int], None]
"""Told how many of how many task records have been looked at; both grow."""

SECONDS: Final = 10.0
"""For how long task records are read beyond the first of each user, unless another number is given."""
_Place = tuple[str, bytes]
"""A user, and the cursor of its records."""


class Doctor(Rounds):
    """Looks at one queue. It only reads, and needs no worker."""

    def __init__(
        self, settings: Settings, *, seconds: float = SECONDS, progress: Progress = lambda _done, _all: None
    ) -> None:
        super().__init__(settings)
        self._may_evict = settings.redis.allow_eviction
        self._seconds, self._progress = seconds, progress
        self._seen = self._kept = 0
        self._ready: dict[str, frozenset[str]] = {}
        self._linked: list[str] = []

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
        self._look_at_flows()
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
        self._look_at_flows(user_id)
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
        for at in range(0, len(users), CHUNK):
            further += self._look_at([(user, BEGIN) for user in users[at : at + CHUNK]], doubtful)
        end = time.monotonic() + self._seconds
        while further and time.monotonic() < end:
            further += self._look_at([further.popleft()], doubtful)
        self._note_steady(lambda: self._of_users(doubtful))
        self._note_steady(self._of_links)

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
            if (facts.parents or facts.waits) and cursor == BEGIN:
                self._linked.append(user)
            self._kept += facts.records if cursor == BEGIN else 0
            self._seen += facts.page.seen
        self._progress(self._seen, max(self._kept, self._seen))
        return further

    def _of_users(self, places: list[_Place]) -> Iterator[Finding]:
        for (user, _), facts in zip(places, self._user_facts(places), strict=True):
            yield from of_user(user, facts) if facts else ()

    def _user_facts(self, places: list[_Place]) -> list[UserFacts | None]:
        """Look at several users, from a cursor on each."""
        return self._run_each(places, lambda at: checkup.look_at_user(self._root, *at), lambda at: at[0])

    # --- who waits for whom -----------------------------------------------------------------------------------------

    def _of_links(self) -> Iterator[Finding]:
        """Look who waits for whom among each user's tasks."""
        found = self._run_each(self._linked, lambda user: look_at_links(self._root, user), str)
        for user, links in zip(self._linked, found, strict=True):
            yield from of_links(user, links) if links else ()
        if None in found:
            self._skip("who waits for whom", f"users with more than {MOST_LINKED:,} tasks, or edges between them")

    def _look_at_flows(self, user_id: str | None = None) -> None:
        """Look at flows, for as long as is given: whether they count right, and which of them are stuck."""
        flows = [flow for flow in self._flows() if user_id in (None, flow.user_id)]
        self._note(of_stuck(flows))
        end, looked = time.monotonic() + self._seconds, 0
        while looked < len(flows) and (looked == 0 or time.monotonic() < end):
            some = flows[looked : looked + CHUNK]
            found = self._run_each(some, lambda flow: look_at_flow(self._root, flow), lambda flow: flow.user_id)
            for flow, members in zip(some, found, strict=True):
                self._note(of_members(flow, members) if members else ())
            looked += len(some)
        if looked < len(flows) or any(flow.tasks > MOST_MEMBERS for flow in flows):
            self._skip(
                "whether each run's tasks are as counted", f"many runs, or one of more than {MOST_MEMBERS:,} tasks"
            )

    def _flows(self) -> Iterator[Flow]:
        for member, text in self._table("flows").items():
            with contextlib.suppress(StoredDataError), READING:  # told as I17.flow
                yield read_flow(member, text)

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
        sums, slots = self._run(checkup_sums.add_up(self._root)), self._run(checkup_sums.count_runs(self._root))
        self._note((*of_sums(sums), *of_slots(slots or ())))
        if sums.of_users is None:
            self._skip("whether totals are sums", f"more than {checkup_sums.MOST_SUBJECTS:,} users and task names")
        if slots is None:
            self._skip("whether each user's runs are as counted", f"more than {checkup_sums.MOST_RUNS:,} runs")
        return sums.names

    def _outside(self, names: dict[str, int]) -> Iterator[Finding]:
        facts, workers = self._facts(), self._workers()
        if facts is None:
            return
        alive = up(workers, facts)
        yield from of_queue(facts, workers=bool(alive), room=have_room(alive))
        yield from of_flows(facts, workers=bool(alive), room=have_room(alive))
        yield from of_schedules(facts)
        yield from of_workers(workers, facts, self._ready, names)
        yield from of_lists(alive, {name.decode() for name in self._table("scopes")})

    def _workers(self) -> list[dict[str, Any]]:
        return self._converse(readings.workers(self._root))

    def _report(self, users: int, facts: QueueFacts | None, workers: list[Any]) -> Report:
        return Report(
            queue=self._name,
            keys=f"{self._root}:queue:",
            users=users,
            tasks=facts.queued + facts.leases + facts.scheduled + facts.deferred if facts else 0,
            records=self._seen,
            kept=self._kept,
            workers=len(workers),
            calls=self._calls,
            skipped=tuple(self._skipped),
            **told(self._findings.values()),
        )
