"""Without functions and without a worker's loop: payload tasks, taken and settled by hand, then by a TaskHandler.

    python examples/by_hand.py

This is how to put fairque under a program that has a loop of its own, or that takes tasks of another language's making.
"""

import os
from typing import Any

from fairque import Backoff, FairQueueConfig, Task, TaskFailed, TaskHandler, TaskQueue, TaskState, Worker
from fairque.errors import StaleLease

# ruff: noqa: S101 - an example says what holds

os.environ.setdefault("FAIRQUE_REDIS__URL", "embedded://")


def letter(user: str, text: str, **options: Any) -> Task[Any]:
    """Return a task that has a payload instead of a function."""
    return Task.create(user_id=user, payload={"text": text}, **options)


def take_and_settle(queue: TaskQueue) -> None:
    """Pop tasks and say how they ended."""
    first = queue.push(letter("alice", "one"))
    queue.push(letter("alice", "two", max_retries=1, retry_backoff=Backoff(base=0)))
    queue.push(letter("bob", "three"))

    # Users take turns here too. Each task comes with a lease: whoever dies with it loses it, and it is given again.
    taken = queue.pop_many(2)
    assert [task.user_id for task in taken] == ["alice", "bob"]
    one, three = taken
    queue.heartbeat(one)  # a task that takes longer than its lease is kept by renewing it
    queue.finish(one, {"sent": True})
    assert first.result(timeout=5) == {"sent": True}

    queue.release(three)  # back to its own place, as if nothing had been
    try:
        queue.finish(three)
    except StaleLease as error:
        print("too late:", error)

    again = queue.pop()  # still bob's turn: a start that did not happen is not charged
    assert again is not None
    assert (again.user_id, again.attempt) == ("bob", 2)
    queue.finish(again)

    two = queue.pop()
    assert two is not None
    queue.fail(two, "the printer is out of paper")  # tried again, as its options say
    retried = queue.pop(timeout=2)
    assert retried is not None
    assert (retried.user_id, retried.attempt) == ("alice", 2)
    queue.finish(retried)
    assert queue.pop() is None


class PostOffice(TaskHandler):
    """What a worker does with payload tasks, and what it notes of every run."""

    def __init__(self) -> None:
        self.diary: list[str] = []

    def process_task(self, task: Task[Any]) -> str:
        """Deliver a letter."""
        payload = task.payload or {}
        if not payload["text"]:
            raise ValueError("an empty letter")
        return f"delivered to {task.user_id}: {payload['text']}"

    def on_task_success(self, task: Task[Any], result: Any) -> None:
        """Note a delivery."""
        self.diary.append(f"{task.user_id}: {result}")

    def on_task_failure(self, task: Task[Any], error: BaseException) -> None:
        """Note a letter that will not be tried again."""
        self.diary.append(f"{task.user_id}: {error}")


def hand_over_to_a_worker(queue: TaskQueue, config: FairQueueConfig) -> None:
    """Let a worker's handler do the same."""
    office = PostOffice()
    delivered = queue.push(letter("alice", "four"))
    empty = queue.push(letter("bob", "", max_retries=0))
    with Worker(config, office) as worker:
        worker.drain(timeout=10)
    print(delivered.result(timeout=0))
    try:
        empty.result(timeout=0)
    except TaskFailed as error:
        print("failed:", error)
    assert empty.state() is TaskState.FAILED
    assert sorted(office.diary) == ["alice: delivered to alice: four", "bob: an empty letter"]


def main() -> None:
    """Do both."""
    config = FairQueueConfig.create_default()
    with TaskQueue(config) as queue:
        take_and_settle(queue)
        hand_over_to_a_worker(queue, config)


if __name__ == "__main__":
    main()
    print("by_hand: ok")
