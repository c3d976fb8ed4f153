"""RQ's SimpleWorker: jobs run in the worker's own process, one after the other, without a fork."""

import rq_
from rq_ import pushes

__all__ = ["pushes", "worker"]


def worker() -> list[str]:
    return rq_.worker("--worker-class", "rq.SimpleWorker")
