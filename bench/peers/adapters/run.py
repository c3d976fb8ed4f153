"""Runs one contestant's adapter, with the python of its own environment.

    run.py ADAPTER push URL MODE USER COUNT    queue COUNT tasks for USER
    run.py ADAPTER work URL MODE               become the contestant's worker, by its own command line

An adapter is a module with two functions: `push(user, count)`, and `worker()`, which returns the command line.
Workers import it by name, so it takes URL and MODE from the environment, through `peer`.
"""

import importlib
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    adapter, verb, url, mode, *rest = sys.argv[1:]
    os.environ.update(PEER_URL=url, PEER_MODE=mode, PYTHONPATH=str(HERE))
    os.chdir(HERE)
    module = importlib.import_module(adapter)
    if verb == "push":
        user, count = rest
        module.push(user, int(count))
    elif verb == "work":
        program, *arguments = module.worker()
        path = str(Path(sys.executable).parent / program)
        os.execv(path, [path, *arguments])  # the worker keeps this process's id: who started it can end it
    else:
        sys.exit(f"no such verb: {verb}")


if __name__ == "__main__":
    main()
