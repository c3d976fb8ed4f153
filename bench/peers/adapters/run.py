"""Runs one contestant's adapter, with the python of its own environment.

    run.py ADAPTER push PLAN SPANS    queue tasks as the PLAN says, and write when to the file SPANS (see pushing.py)
    run.py ADAPTER work               become the contestant's worker, by its own command line

An adapter is a module with two functions: `pushes()`, which opens a client (a context manager of either colour), and
`worker()`, which returns the command line. Its one task calls `stamp` with its argument and returns what that returns.
Workers import it by name, so who starts this sets PYTHONPATH and what `peer` reads.
"""

import importlib
import json
import os
import sys
from pathlib import Path

from pushing import push


def main() -> None:
    adapter, verb, *rest = sys.argv[1:]
    module = importlib.import_module(adapter)
    if verb == "push":
        plan, spans = rest
        Path(spans).write_text(json.dumps(push(module.pushes(), **json.loads(plan))), encoding="utf-8")
    elif verb == "work":
        program, *arguments = module.worker()
        path = str(Path(sys.executable).parent / program)
        os.execv(path, [path, *arguments])  # the worker keeps this process's id: who started it can end it
    else:
        sys.exit(f"no such verb: {verb}")


if __name__ == "__main__":
    main()
