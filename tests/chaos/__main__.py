"""`python -m tests.chaos [--seed N] [--tasks N] [--seconds S] [--keep DIR]`: the long form."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.chaos.checker import check
from tests.chaos.director import Director
from tests.chaos.picture import show_verdict, watched
from tests.chaos.scene import LONG
from tests.chaos.server import temporary_place
from tests.chaos.stage import Plan

FAULTS = {
    "kill": 200,
    "stop": 20,
    "redis kill": 20,
    "client kill": 50,
    "dropped reply": 200,
    "poison pushed": 4,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=240.0, help="over which the faults are spread")
    parser.add_argument("--part", type=float, default=1.0, help="of the faults and tasks")
    parser.add_argument("--keep", type=Path, help="a directory for the logs; it must be new")
    options = parser.parse_args()
    faults = {kind: max(1, round(count * options.part)) for kind, count in FAULTS.items()}
    plan = Plan(LONG, round(options.tasks * options.part), options.seconds * options.part, faults, (0, 0, 0.3, 1, 4))
    with temporary_place() as place:
        if options.keep:
            options.keep.mkdir(parents=True)
        director = Director(plan, options.seed, options.keep or place)
        watched(director, plan)
        assert director.evidence is not None
        return show_verdict(options.seed, plan, director, check(director.evidence))


if __name__ == "__main__":
    sys.exit(main())
