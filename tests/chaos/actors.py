"""Those who do harm. Each strikes once when it is told, counts what provably happened, and writes it down."""

from __future__ import annotations

import os
import random
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence

from tests.chaos import jobs
from tests.chaos.crew import Crew, Post
from tests.chaos.history import Diary, Fault, now_ms
from tests.chaos.producers import Market, Pusher
from tests.chaos.server import Server
from tests.proxy import Proxy
from tests.waiting import POLL, wait_until

STOPPED = "T"


class Actor(ABC):
    """One kind of fault."""

    kind: str

    def __init__(self, diary: Diary, rng: random.Random) -> None:
        self.count = 0
        self._diary = diary
        self._random = rng

    @abstractmethod
    def strike(self) -> None:
        """Do it once, if there is somebody to do it to."""

    def look(self) -> None:  # noqa: B027 - most have nothing under way
        """See whether what was begun has happened or is over."""

    def _happened(self, whom: str, pid: int, began: float) -> None:
        self.count += 1
        self._diary.write(Fault(self.kind, whom, pid, began, now_ms()))


class Killer(Actor):
    """SIGKILL to a worker; another process takes its post at once."""

    kind = "kill"

    def __init__(self, diary: Diary, rng: random.Random, crew: Crew) -> None:
        super().__init__(diary, rng)
        self._crew = crew

    def strike(self) -> None:
        self._crew.tend()
        if posts := self._crew.able():
            post, began = self._random.choice(posts), now_ms()
            if post.kill():
                self._happened(post.worker, post.process.pid, began)
            post.replace()


class Stopper(Actor):
    """SIGSTOP to a worker for longer than its lease, then SIGCONT."""

    kind = "stop"

    def __init__(self, diary: Diary, rng: random.Random, crew: Crew, lease: float) -> None:
        super().__init__(diary, rng)
        self._crew = crew
        self._lease = lease
        self._stopped: list[tuple[float, Post, float]] = []

    def strike(self) -> None:
        posts = self._crew.able()
        if len(posts) > 1:
            post, began = self._random.choice(posts), now_ms()
            post.is_stopped = True
            os.kill(post.process.pid, signal.SIGSTOP)
            wait_until(lambda: post.state() == STOPPED or not post.is_alive, description="the worker stands still")
            until = time.monotonic() + self._lease * self._random.uniform(1.2, 2)
            self._stopped.append((until, post, began))

    def look(self) -> None:
        for until, post, began in [*self._stopped]:
            if time.monotonic() >= until:
                self._stopped.remove((until, post, began))
                stood = post.is_alive and post.state() == STOPPED and now_ms() - began > self._lease * 1000
                os.kill(post.process.pid, signal.SIGCONT)
                post.is_stopped = False
                if stood:
                    self._happened(post.worker, post.process.pid, began)


class RedisKiller(Actor):
    """SIGKILL to Redis while all producers push, and its restart: at once, or after an outage."""

    kind = "redis kill"

    def __init__(
        self, diary: Diary, rng: random.Random, server: Server, market: Market, outages: Sequence[float]
    ) -> None:
        super().__init__(diary, rng)
        self._server = server
        self._market = market
        self._outages = outages

    def strike(self) -> None:
        pid, before = self._server.pid, self._run_id()
        self._market.rush()
        time.sleep(POLL)
        began = now_ms()
        if self._server.kill():
            end = time.monotonic() + self._random.choice(self._outages)
            while time.monotonic() < end:
                time.sleep(POLL)
            self._server.restart()
            if self._run_id() != before:
                self._happened("redis", pid, began)

    def _run_id(self) -> object:
        return self._server.client.info("server")["run_id"]


class ClientKiller(Actor):
    """CLIENT KILL to a connection that goes through a proxy: a worker's or a producer's."""

    kind = "client kill"

    def __init__(self, diary: Diary, rng: random.Random, server: Server, proxies: dict[str, Proxy]) -> None:
        super().__init__(diary, rng)
        self._server = server
        self._proxies = proxies

    def strike(self) -> None:
        owners = {address: whom for whom, proxy in self._proxies.items() for address in proxy.addresses()}
        clients = [client for client in self._server.client.client_list() if client["addr"] in owners]
        if clients:
            client, began = self._random.choice(clients), now_ms()
            killed = self._server.command("CLIENT", "KILL", "ID", client["id"])
            if killed == 1:
                self._happened(owners[client["addr"]], 0, began)


class ReplyDropper(Actor):
    """Swallows a reply: Redis did what was asked, whoever asked did not hear."""

    kind = "dropped reply"

    def __init__(self, diary: Diary, rng: random.Random, proxies: dict[str, Proxy]) -> None:
        super().__init__(diary, rng)
        self._proxies = proxies
        self._ordered: dict[str, tuple[float, int]] = {}
        self.counts = dict.fromkeys(proxies, 0)

    def strike(self) -> None:
        free = [whom for whom in self._proxies if whom not in self._ordered]
        if free:
            whom = self._random.choice(free)
            self._ordered[whom] = now_ms(), self._proxies[whom].dropped
            self._proxies[whom].drop(skip=self._random.randrange(30))

    def look(self) -> None:
        for whom, (began, before) in [*self._ordered.items()]:
            if self._proxies[whom].dropped > before:
                del self._ordered[whom]
                self.counts[whom] += 1
                self._happened(whom, 0, began)


class Poisoner(Actor):
    """Pushes a task that kills its worker, each time it runs."""

    kind = "poison pushed"

    def __init__(self, diary: Diary, rng: random.Random, pusher: Pusher) -> None:
        super().__init__(diary, rng)
        self._pusher = pusher

    def strike(self) -> None:
        acked = self._pusher.acked
        self._pusher.push_one(jobs.poison(self._pusher.serial()).with_(user_id="poison"))
        self.count += self._pusher.acked - acked
