"""`python -m tests.ticks [--seed N] [--ticks N]`: a million fires, and five schedulers that fall at each call.

`python -m tests.ticks lock`: how late a fire is when the scheduler that has the lock is killed or stopped.
`--mutant` breaks the product in one place first, and the run has to find that out.
"""

from __future__ import annotations

import argparse
import sys

from tests.server import server_url
from tests.ticks.director import Director
from tests.ticks.mutants import MUTANTS, broken
from tests.ticks.picture import show_verdict, watched


def main() -> int:
    parser = argparse.ArgumentParser(prog="make ticks", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ticks", type=int, default=1_000_000, help="fires, at least")
    parser.add_argument("--mutant", choices=MUTANTS)
    options = parser.parse_args()
    with server_url() as url, broken(options.mutant):
        director = Director(url, options.seed, options.ticks)
        seconds = watched(director, options.ticks)
    return show_verdict(director, options.seed, seconds)


if __name__ == "__main__":
    sys.exit(main())
