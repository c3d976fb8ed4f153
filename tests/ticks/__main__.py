"""`python -m tests.ticks [--seed N] [--ticks N]`: a million fires, and five schedulers that fall at each call.

`python -m tests.ticks lock`: how late a fire is when the scheduler that has the lock is killed or stopped.
`python -m tests.ticks scale`: how late ten thousand schedules fire, and what a tick costs beside them.
`--mutant` breaks the product in one place first, and the run has to find that out.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.server import server_url
from tests.ticks.director import Director
from tests.ticks.lock import strike
from tests.ticks.mutants import MUTANTS, broken
from tests.ticks.picture import show_blows, show_scale, show_verdict, watched


def main() -> int:
    parser = argparse.ArgumentParser(prog="make ticks", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("fires", "lock", "scale"), default="fires")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ticks", type=int, default=1_000_000, help="fires, at least")
    parser.add_argument("--mutant", choices=MUTANTS)
    parser.add_argument("--blows", type=int, default=20, help="kills, and stops, of who has the lock")
    options = parser.parse_args()
    with server_url() as url, broken(options.mutant):
        if options.what == "lock":
            with tempfile.TemporaryDirectory() as place:
                return show_blows(strike(url, f"lock-{os.getpid()}", Path(place), options.blows))
        if options.what == "scale":
            return show_scale(url)
        director = Director(url, options.seed, options.ticks)
        seconds = watched(director, options.ticks)
    return show_verdict(director, options.seed, seconds)


if __name__ == "__main__":
    sys.exit(main())
