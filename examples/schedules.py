"""Schedules from a configuration: one process that is worker and scheduler, and what its history tells.

    python examples/schedules.py

`config/schedules.yaml` has two schedules, one at an even interval and one by cron expression.
"""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fairque import FairQueueConfig, TaskScheduler, Worker, current_task, task

# ruff: noqa: S101 - an example says what holds, and shows what it does

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")

polled, reported = threading.Semaphore(0), threading.Semaphore(0)


@task
def poll(mailbox: str) -> None:
    """Look into a mailbox."""
    print(f"{current_task().task_id}: looked into the {mailbox}")
    polled.release()


@task
def report(pages: int) -> None:
    """Write a report."""
    print(f"{current_task().task_id}: wrote {pages} pages")
    reported.release()


def main() -> None:
    """Let both schedules fire a few times, then change one while it runs."""
    config = FairQueueConfig.from_yaml(Path(__file__).parent.parent / "config" / "schedules.yaml")
    with Worker(config), TaskScheduler(config) as scheduler:
        for _ in range(2):
            assert polled.acquire(timeout=10)
            assert reported.acquire(timeout=10)

        # The definitions live in Redis: any program can look at them and change them, effective at once.
        scheduler.update("report", cron_expr="0 9 * * mon-fri", timezone="America/New_York")
        fires = scheduler.next_fires("report", 5)
        assert all(fire.weekday() < 5 for fire in fires)
        print("next reports:", ", ".join(f"{fire:%a %d %b %H:%M} UTC" for fire in fires))

        # By program, once: in an hour, and only then.
        soon = datetime.now(UTC) + timedelta(hours=1)
        once = scheduler.add_schedule(every=60, task=poll("outbox"), user_id="user:1", start=soon, end=soon)
        assert len(scheduler.next_fires(once)) == 1

        handle = scheduler.run_now("report")
        assert handle.result(timeout=10) is None
        for fire in scheduler.history("report", 3):
            print(f"{fire.instant:%H:%M:%S} {fire.outcome} ({fire.lag * 1000:.0f} ms late)")
        for schedule in scheduler.list():
            scheduler.remove(schedule.schedule_id)
    print("schedules: ok")


if __name__ == "__main__":
    main()
