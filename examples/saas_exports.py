"""A service with three customers who export reports: bursts, priorities, delays, retries, and results to fetch.

    python examples/saas_exports.py

One customer asks for two hundred exports at once. The others do not notice.
"""

import os
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fairque import (
    Backoff,
    FairQueueConfig,
    Priority,
    Retry,
    TaskFailed,
    TaskQueue,
    TaskState,
    Worker,
    current_task,
    task,
)

# ruff: noqa: S101 - an example says what holds

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")

finished: list[str] = []
"""Which exports were done, in order."""
lock = threading.Lock()


@dataclass
class Report:
    """What a customer asks for. Dataclasses, datetimes, UUIDs and the like travel as they are."""

    customer: str
    name: str
    since: datetime
    rows: int = 100


# The user may be read off the arguments, so that nobody can forget it: every export belongs to its customer.
@task(user_id=lambda report: report.customer, max_retries=2, retry_backoff=Backoff(base=0.05))
def export(report: Report) -> str:
    """Write a report and return where it is."""
    time.sleep(report.rows / 100_000)  # stands for the work
    with lock:
        finished.append(f"{report.customer}/{report.name}")
    return f"s3://exports/{report.customer}/{report.name}.csv"


@task(max_retries=2)
def fetch_rates(source: str) -> float:
    """Ask a source that is not there yet: the task says itself when to try again."""
    if current_task().attempt == 1:
        raise Retry(f"{source} is not ready", delay=0.1)
    return 1.0842


@task(max_retries=1, retry_backoff=Backoff(base=0.01))
def import_file(path: str) -> int:
    """Fail however often it is tried."""
    raise ValueError(f"{path}: line 3: not a number")


def report(customer: str, name: str) -> Report:
    """Return a report on yesterday."""
    return Report(customer, name, since=datetime.now(UTC) - timedelta(days=1))


def main() -> None:
    """Push a burst and a few others; show that the few are done early, the urgent first, the delayed not too early."""
    config = FairQueueConfig.create_default(assigned_users=["*"]).with_worker(max_concurrent_tasks=2)
    with TaskQueue(config) as queue:
        queue.push_batch([export(report("globex", f"invoice-{n}")) for n in range(200)])  # the burst

        routine = queue.push_batch([export(report("initech", f"routine-{n}")) for n in range(3)])
        urgent = queue.push(export(report("initech", "for-the-board")).with_(priority=Priority.CRITICAL))
        later = queue.push(export(report("hooli", "nightly")).with_(delay=0.3))
        rates = queue.push(fetch_rates("ecb"), user_id="hooli")
        broken = queue.push(import_file("prices.csv"), user_id="hooli")
        assert later.state() is TaskState.SCHEDULED

        with Worker(config) as worker:
            print("urgent: ", urgent.result(timeout=10))
            print("routine:", [handle.result(timeout=10) for handle in routine])
            print("rates:  ", rates.result(timeout=10), "at the second attempt")
            print("nightly:", later.result(timeout=10))
            try:
                broken.result(timeout=10)
            except TaskFailed as error:
                print("broken: ", error)
            worker.drain(timeout=30)

        assert finished.index("initech/for-the-board") < finished.index("initech/routine-0")
        others = [place for place, name in enumerate(finished) if name.startswith("initech")]
        assert max(others) < 20, f"the burst was served first: {others}"
        assert queue.get_queue_sizes("hooli")["failed"] == 1, "it waits among the dead letters to be looked at"


if __name__ == "__main__":
    main()
    print("saas_exports: ok")
