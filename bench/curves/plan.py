"""How much is measured, and at which points."""

from __future__ import annotations

from msgspec import Struct

from fairque.monitoring import bench


class Plan(Struct, frozen=True):
    """The whole of it takes six to eight minutes on two cores."""

    main: bench.Plan = bench.Plan()
    rounds: int = 3

    users: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    tasks: int = 100_000
    claimed: int = 20_000
    """Queued for them altogether, and of these claimed."""

    queued: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    served: int = 10_000
    """Tasks that are taken from a full queue each time."""
    pairs: int = 5
    """Rounds here: what is compared is two rates."""

    threads: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    drained: int = 20_000

    bodies: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    volume: int = 40_000_000
    """Bytes of bodies at most, so that large ones are fewer."""

    processes: tuple[int, ...] = (1, 2, 4, 8)
    shared: int = 40_000
    """Tasks that they drain together."""

    idle: tuple[int, ...] = (0, 100, 200)
    each: int = 50
    """Idle workers in one process."""
    settling: float = 4.0
    looked: float = 20.0
    """Seconds until they have settled, and for which Redis is looked at then: an idle worker beats every ten."""

    flood: int = 100_000
    samples: int = 200
    """Tasks of the quiet user where there is no flood whose end it could wait for."""


QUICK = Plan(
    main=bench.Plan.quick((10, 100), 2_000),
    rounds=1,
    users=(10, 100, 1_000),
    tasks=3_000,
    claimed=3_000,
    queued=(1_000, 5_000, 20_000),
    served=2_000,
    pairs=1,
    threads=(1, 8),
    drained=2_000,
    bodies=(10, 10_000),
    volume=2_000_000,
    processes=(1, 2),
    shared=2_000,
    idle=(0, 10),
    each=5,
    settling=0.3,
    looked=0.5,
    flood=10_000,
    samples=30,
)
