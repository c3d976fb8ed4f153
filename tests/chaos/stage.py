"""Everything that one run consists of, set up and taken down."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from fairque import TaskQueue
from tests.chaos.actors import Actor, ClientKiller, Killer, Poisoner, RedisKiller, ReplyDropper, Stopper
from tests.chaos.crew import Crew
from tests.chaos.history import Diary
from tests.chaos.producers import Market, Producer, Pusher
from tests.chaos.scene import Scene
from tests.chaos.server import Server, running_server
from tests.proxy import Proxy, proxied
from tests.waiting import wait_until


class Plan(msgspec.Struct, frozen=True):
    """How much is to happen at least."""

    scene: Scene
    tasks: int
    seconds: float
    """The faults are spread over so long a time."""
    faults: Mapping[str, int]
    """Kind -> how many."""
    outages: tuple[float, ...] = (0.0, 0.0, 0.3, 1.0)
    """Seconds for which a killed Redis may stay away."""
    producers: int = 2
    level: int = 60
    """Tasks that are kept waiting for each user."""


class Stage(NamedTuple):
    """What the director directs."""

    server: Server
    queue: TaskQueue
    """The director's own, past any proxy."""
    crew: Crew
    market: Market
    producers: list[Producer]
    actors: dict[str, Actor]
    proxies: dict[str, Proxy]


@contextmanager
def set_up(plan: Plan, seed: int, place: Path) -> Iterator[Stage]:
    """Give a stage for the block, with everything running."""
    scene = plan.scene
    with ExitStack() as stack:
        server = stack.enter_context(running_server(place))
        queue = stack.enter_context(TaskQueue(scene.config(server.url)))
        for name, most in scene.caps.items():
            queue.set_limits(task=name, max_concurrency=most)
        diary = stack.enter_context(closing(Diary(place / "faults.diary")))
        crew = stack.enter_context(closing(Crew(list(scene.workers), scene.write(place), server.url, diary)))
        wait_until(lambda: len(queue.workers()) == len(scene.workers), description="all workers serve", timeout=30)
        proxies = {post.worker: post.proxy for post in crew.posts}
        market = Market([user for user in scene.users if user != "poison"], plan.level)
        producers = []
        for n in range(1, plan.producers + 1):
            name = f"producer-{n}"
            proxies[name] = stack.enter_context(proxied(server.url))
            pusher = stack.enter_context(closing(Pusher(name, scene, proxies[name].url, place)))
            producers.append(Producer(pusher, market, random.Random(f"{seed} {name}")))
            stack.callback(producers[-1].join)
        stack.callback(market.close)
        sower = stack.enter_context(closing(Pusher("poisoner", scene, server.url, place)))

        def chance(kind: str) -> random.Random:
            return random.Random(f"{seed} {kind}")

        actors: list[Actor] = [
            Killer(diary, chance("kill"), crew),
            Stopper(diary, chance("stop"), crew, scene.lease),
            RedisKiller(diary, chance("redis"), server, market, plan.outages),
            ClientKiller(diary, chance("client"), server, proxies),
            ReplyDropper(diary, chance("reply"), proxies),
            Poisoner(diary, chance("poison"), sower),
        ]
        yield Stage(server, queue, crew, market, producers, {actor.kind: actor for actor in actors}, proxies)
