"""`python -m tests.graphs [--seed N] [--graphs N]`: the long form."""

from __future__ import annotations

import argparse
import tempfile
from itertools import islice
from pathlib import Path

from tests.graphs.kills import struck, summed


def main() -> None:
    parser = argparse.ArgumentParser(prog="make graphs", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--graphs", type=int, default=100)
    options = parser.parse_args()
    seen = []
    with tempfile.TemporaryDirectory() as place, struck(Path(place), options.seed) as graphs:
        for one in islice(graphs, options.graphs):
            seen.append(one)
            states = summed([one])
            print(f"{len(seen):4} {dict(sorted(states.items()))}", flush=True)
    print(f"seed {options.seed}: {dict(sorted(summed(seen).items()))}: every task has ended or says what it waits for")


if __name__ == "__main__":
    main()
